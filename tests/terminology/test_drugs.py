"""Which medicine a code or a text means."""

import pytest

from cds_service.terminology import Coding, Terms, clean_coding

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
ATC_DE = "http://fhir.de/CodeSystem/bfarm/atc"


def by_code(terms: Terms, code: str, system: str = RXNORM):
    return terms.drug([Coding(system, code, "")], "")


@pytest.mark.parametrize(
    ("code", "ingredient"),
    [
        ("9071", "quinine"),
        ("9075", "quinine"),
        ("647128", "quinine"),
        ("997010", "quinine"),
        ("997012", "quinine"),
        ("373742", "quinine"),
        ("9068", "quinidine"),
        ("1292", "baclofen"),
        ("197391", "baclofen"),
        ("197392", "baclofen"),
        ("430902", "baclofen"),
        ("2679605", "baclofen"),
        ("5487", "hydrochlorothiazide"),
        ("316049", "hydrochlorothiazide"),
        ("4603", "furosemide"),
        ("315971", "furosemide"),
        ("2409", "chlorthalidone"),
        ("5764", "indapamide"),
        ("9997", "spironolactone"),
        ("644", "amiloride"),
        ("167", "acetazolamide"),
        ("197304", "acetazolamide"),
        ("42351", "lithium"),
        ("7646", "omeprazole"),
    ],
)
def test_anchor_codes(terms, code, ingredient):
    match = by_code(terms, code)
    assert match.ingredients == (ingredient,)
    assert match.confidence == "code"
    assert match.code == f"{RXNORM}|{code}"


@pytest.mark.parametrize("code", ["8163", "283742", "153165"])
def test_invented_codes_do_not_mean_what_public_code_claims(terms, code):
    assert not {"baclofen", "quinine", "acetazolamide"} & set(by_code(terms, code).ingredients)


@pytest.mark.parametrize("code", ["1007005", "817778", "1008684"])
def test_old_combinations_hold_quinine(terms, code):
    assert "quinine" in by_code(terms, code).classes


@pytest.mark.parametrize(
    ("system", "code", "ingredient"),
    [
        ("urn:oid:2.16.840.1.113883.6.88", "9071", "quinine"),
        (SNOMED, "13816611000001101", "quinine"),
        ("https://dmd.nhs.uk", "13816311000001106", "quinine"),
        ("http://www.snomed.org/", "47065008", "quinine"),
        ("urn:oid:2.16.840.1.113883.6.96", "6102009", "baclofen"),
        (ATC_DE, "P01BC01", "quinine"),
        ("http://www.whocc.no/atc", "M09AA72", "quinine"),
        ("urn:oid:2.16.840.1.113883.6.73", "m03bx01", "baclofen"),
    ],
)
def test_other_systems(terms, system, code, ingredient):
    assert by_code(terms, code, system).ingredients == (ingredient,)


def test_pzn_unknown_then_atc(terms):
    codings = [Coding("http://fhir.de/CodeSystem/ifa/pzn", "01234567", ""), Coding(ATC_DE, "C03CA01", "")]
    assert terms.drug(codings, "").ingredients == ("furosemide",)


@pytest.mark.parametrize(
    ("code", "inside", "outside"),
    [
        ("C03EA01", {"thiazide", "potassium-sparing-diuretic", "diuretic"}, {"loop-diuretic"}),
        ("C09BA03", {"diuretic-unspecified", "diuretic"}, {"thiazide"}),
        ("C03XA01", {"osmotic-or-vaptan"}, {"diuretic"}),
        ("C03BA11", {"thiazide-like", "thiazide-type"}, {"thiazide"}),
        ("A02BC99", {"ppi"}, set()),
    ],
)
def test_atc_groups(terms, code, inside, outside):
    match = by_code(terms, code, ATC_DE)
    assert inside <= match.classes
    assert not outside & match.classes


def test_atc_exclusion_wins(terms):
    assert by_code(terms, "C03BC01", ATC_DE).confidence == "none"


@pytest.mark.parametrize(
    ("text", "ingredients"),
    [
        ("Lasix 40mg", ("furosemide",)),
        ("QUALAQUIN", ("quinine",)),
        ("Quinine\u200b sulphate 300 mg tabs", ("quinine",)),
        ("quinidine gluconate ER", ("quinidine",)),
        ("co-amilofruse 5mg/40mg tablets", ("amiloride", "furosemide")),
        ("Losartan Potassium 50 mg", ("losartan",)),
        ("esomeprazole magnesium", ("esomeprazole",)),
        ("Potassium 20 mEq tablet", ("potassium",)),
        ("Potassium chloride 10 MEQ ER", ("potassium chloride",)),
        ("Chininsulfat 200 mg Tabletten", ("quinine",)),
    ],
)
def test_names(terms, text, ingredients):
    match = terms.drug([], text)
    assert match.ingredients == ingredients
    assert match.confidence == "name"


@pytest.mark.parametrize(
    "text",
    [
        "penicillin V potassium 250 MG",
        "amoxicillin / clavulanate potassium",
        "tonic water with quinine",
        "hydroxyquinoline",
        "digoxin immune fab",
        "magnesium stearate",
        "potassium iodide 130 mg",
        "acetaminophen 500 mg",
        "",
    ],
)
def test_look_alikes_mean_nothing(terms, text):
    match = terms.drug([], text)
    assert match.confidence == "none"
    assert not match.ingredients
    assert not match.classes
    assert not match.watched


def test_watched_words_of_an_unreadable_text(terms):
    assert terms.drug([], "water tablet").watched == {"diuretic-unspecified", "diuretic"}


@pytest.mark.parametrize(
    "system",
    ["http://loinc.org", "http://terminology.hl7.org/CodeSystem/v3-NullFlavor", "http://example.org/local", ""],
)
def test_a_code_of_another_system_never_matches(terms, system):
    assert terms.drug([Coding(system, "9071", "")], "").confidence == "none"


def test_a_loinc_display_is_no_medicine(terms):
    assert terms.drug([Coding("http://loinc.org", "1-8", "Quinine [Mass/volume] in Serum")], "").confidence == "none"


def test_code_is_cleaned(terms):
    assert terms.drug([clean_coding(RXNORM, "\t\n9071 ", None)], "").ingredients == ("quinine",)


@pytest.mark.parametrize(
    ("code", "route"),
    [("308516", "intrathecal"), ("1047440", "intrathecal"), ("197391", "oral"), ("2586589", "oral"), ("1292", "")],
)
def test_route_of_baclofen_products(terms, code, route):
    assert by_code(terms, code).route == route


def test_route_of_instructions(terms):
    assert terms.route([Coding(SNOMED, "72607000", "")], "") == "intrathecal"
    assert terms.route([Coding("http://standardterms.edqm.eu", "20053000", "")], "") == "oral"
    assert terms.route([], "by mouth") == "oral"
    assert terms.route([Coding(SNOMED, "1", "Intravenous route")], "") == "injection"
    assert terms.route([], "as directed") == ""


@pytest.mark.parametrize(
    ("codings", "text", "strength"),
    [
        ([Coding(RXNORM, "997010", "")], "", 324.0),
        ([Coding(RXNORM, "197391", "")], "", 10.0),
        ([Coding(RXNORM, "308516", "")], "", None),
        ([], "Quinine sulfate 200mg tablets", 200.0),
        ([], "Baclofen 5mg/5ml oral solution", None),
        ([], "co-amilofruse 5mg/40mg tablets", None),
        ([], "Furosemid 12,5 mg Tabletten", 12.5),
    ],
)
def test_strength(terms, codings, text, strength):
    assert terms.drug(codings, text).strength_mg == strength


def test_infusions_and_bowel_preparations_are_no_supplements(terms):
    assert "potassium" not in terms.drug([], "20 ML potassium chloride 2 MEQ/ML Injection").classes
    assert "potassium" not in terms.drug([], "MoviPrep").classes
    assert "magnesium" not in by_code(terms, "B05XA05", ATC_DE).classes
    assert "potassium" in by_code(terms, "A12BA01", ATC_DE).classes


def test_diuretic_class_leaves_out_what_acts_otherwise(terms):
    assert {"hydrochlorothiazide", "indapamide", "furosemide", "spironolactone", "amiloride"} <= terms.classes[
        "diuretic"
    ]
    assert not {"tolvaptan", "mannitol", "acetazolamide"} & terms.classes["diuretic"]


def test_codes_to_write_with(terms):
    assert terms.drug_coding("quinine") == Coding(RXNORM, "9071", "quinine")
    assert terms.drug_coding("nonsense") is None
    for name in sorted(terms.ingredients):
        coding = terms.drug_coding(name)
        assert coding is None or name in terms.drug([coding], "").ingredients


def test_names_that_count_only_alone_are_looked_for_once_in_a_long_text(terms):
    assert terms.drug([], "potassium tablet 600 mg").ingredients == ("potassium",)
    assert terms.drug([], "600 mg " * 100_000 + "potassium").ingredients == ("potassium",)
    assert terms.drug([], "potassium " * 100_000).ingredients == ()


def test_unknown_texts_do_not_fill_the_memory(terms):
    for number in range(5000):
        terms.drug([], f"unheard of {number}")
    assert len(terms._drugs._texts) <= 4096
