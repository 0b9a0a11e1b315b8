"""Cards as data: loaded, checked, compiled; the vocabulary of facts and three-valued criteria."""
