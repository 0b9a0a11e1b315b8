"""Code systems under all the names they travel by, each as one short word."""

_NAMES = {
    "rxnorm": ("http://www.nlm.nih.gov/research/umls/rxnorm", "urn:oid:2.16.840.1.113883.6.88"),
    "snomed": (
        "http://snomed.info/sct",
        "http://www.snomed.org",
        "http://snomed.org",
        "urn:oid:2.16.840.1.113883.6.96",
        "https://dmd.nhs.uk",
        "https://dmd.nhs.uk/vtm",
        "https://dmd.nhs.uk/vmp",
    ),
    "atc": (
        "http://www.whocc.no/atc",
        "http://fhir.de/codesystem/bfarm/atc",
        "http://fhir.de/codesystem/dimdi/atc",
        "urn:oid:2.16.840.1.113883.6.73",
    ),
    "loinc": ("http://loinc.org", "urn:oid:2.16.840.1.113883.6.1"),
    "icd-10-cm": ("http://hl7.org/fhir/sid/icd-10-cm", "urn:oid:2.16.840.1.113883.6.90"),
    "icd-10": (
        "http://hl7.org/fhir/sid/icd-10",
        "http://hl7.org/fhir/sid/icd-10-gm",
        "http://fhir.de/codesystem/bfarm/icd-10-gm",
        "http://fhir.de/codesystem/dimdi/icd-10-gm",
        "urn:oid:2.16.840.1.113883.6.3",
    ),
    "ucum": ("http://unitsofmeasure.org", "urn:oid:2.16.840.1.113883.6.8"),
    "edqm": ("http://standardterms.edqm.eu", "urn:oid:0.4.0.127.0.16.1.1.2.1"),
    "v3-route": (
        "http://terminology.hl7.org/codesystem/v3-routeofadministration",
        "http://hl7.org/fhir/v3/routeofadministration",
    ),
    "yes-no": ("http://terminology.hl7.org/codesystem/v2-0136",),
}
_WORDS = {name: word for word, names in _NAMES.items() for name in names}


def system_word(system: str) -> str:
    """The short word of a code system ("rxnorm", "snomed" …); "" for one that is not read here.

    Letter case, a trailing slash, `https` for `http` and a version after `|` make no difference.
    """
    found = _WORDS.get(system)
    if found is not None:
        return found
    plain = system.split("|", 1)[0].rstrip("/").lower()
    return _WORDS.get(plain) or _WORDS.get(plain.replace("https://", "http://", 1), "")


def system_name(word: str) -> str:
    """The URL to write a code of this system with."""
    return _NAMES[word][0]
