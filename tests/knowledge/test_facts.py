"""Each fact's truth table: when it is true, when false, and when unknown."""

from collections.abc import Callable
from typing import Any

import pytest

from cds_service.chart import Chart, Day, Dose, Gap, Range
from cds_service.knowledge.case import Absent, Case, courses
from cds_service.knowledge.criteria import Trace, compile_criterion
from cds_service.knowledge.facts import FACTS
from cds_service.knowledge.library import Library
from cds_service.knowledge.logic import Truth
from cds_service.knowledge.reading import read_criterion
from cds_service.knowledge.spot import whole
from cds_service.knowledge.strict_yaml import parse_yaml
from tests.knowledge.charts import ago, allergy, answer, chart, dose, exactly, order, problem, reason, result

T, F, U = True, False, None
UNREAD = {"medications": "unread"}
PARTIAL = {"medications": "partial"}
DRUG = "baclofen"
Build = Callable[[Library], Chart]
Row = tuple[str, Build, Truth]


def meds(*orders: tuple[Any, ...], **more: Any) -> Build:
    """A chart with orders: (name, role, members)."""
    return lambda library: chart(medications=tuple(order(n, r, library, **m) for n, r, m in orders), **more)


def plain(**more: Any) -> Build:
    return lambda library: chart(**more)


def draft(**members: Any) -> Build:
    return meds((DRUG, "draft", members))


def twice(earlier: dict[str, Any], role: str = "stopped") -> Build:
    """The medicine ordered now at 10 mg a day, beside an earlier order of it (10 mg a day unless said otherwise)."""
    return meds((DRUG, "draft", {"dose": dose(exactly(10))}), (DRUG, role, {"dose": dose(exactly(10)), **earlier}))


FOR_CRAMP = "drafted: {classes: opioid, reason: muscle-cramp}"
UNSAID = "drafted: {classes: opioid, no_reason: true}"

MEDICINES: list[Row] = [
    ("medicine_is: ordered", draft(), T),
    ("medicine_is: ordered", meds((DRUG, "taken", {})), F),
    ("medicine_is: ordered", meds((DRUG, "draft", {"judged": False})), F),
    ("medicine_is: taken", meds((DRUG, "taken", {})), T),
    ("medicine_is: taken", meds((DRUG, "possibly-taken", {})), T),
    ("medicine_is: taken", draft(), F),
    ("medicine_is: taken", meds((DRUG, "draft", {}), sections=UNREAD), U),
    ("medicine_is: taken", meds((DRUG, "draft", {}), sections=PARTIAL), U),
    ("medicine_is: stopped", meds((DRUG, "stopped", {})), T),
    ("medicine_is: stopped", draft(), F),
    ("new_start: true", draft(), T),
    ("new_start: true", meds((DRUG, "draft", {}), (DRUG, "taken", {})), F),
    ("new_start: true", meds((DRUG, "draft", {}), sections=UNREAD), U),
    ("new_start: {class: muscle-relaxant}", meds((DRUG, "draft", {}), ("tizanidine", "taken", {})), F),
    ("new_start: {class: muscle-relaxant}", meds((DRUG, "draft", {}), ("digoxin", "taken", {})), T),
    ("in_class: muscle-relaxant", draft(), T),
    ("in_class: opioid", draft(), F),
    ("route: oral", draft(route="oral"), T),
    ("route: oral", draft(route="intrathecal"), F),
    ("route: oral", draft(), U),
    ("route: [oral, rectal]", draft(route="rectal"), T),
    ("route: intrathecal", meds((DRUG, "taken", {"route": "oral"}), (DRUG, "taken", {"route": "intrathecal"})), F),
    ("route: intrathecal", meds((DRUG, "taken", {}), (DRUG, "taken", {"route": "intrathecal"})), U),
    ("route: oral", plain(), F),
    ("reason: muscle-cramp", draft(reasons=(reason("muscle-cramp"),)), T),
    ("reason: muscle-cramp", draft(reasons=(reason("spasticity"),)), F),
    ("reason: muscle-cramp", draft(), F),
    ("reason: muscle-cramp", draft(reasons=(reason(text="?", understood=False),)), U),
    ("reason: muscle-cramp", draft(reasons=(reason(text="cramp", understood=False, unclear=("muscle-cramp",)),)), U),
    ("reason: malaria", draft(reasons=(reason(text="cramp", understood=False, unclear=("muscle-cramp",)),)), F),
    (
        "reason: {is: muscle-cramp, in_words: true}",
        draft(reasons=(reason(text="cramp", understood=False, unclear=("muscle-cramp",)),)),
        T,
    ),
    ("no_reason: true", draft(), T),
    ("no_reason: true", draft(reasons=(reason(text="?", understood=False),)), F),
    ("no_reason: true", draft(reasons=(reason("muscle-cramp"),)), F),
    ("started: {within: 30 days}", meds((DRUG, "taken", {"started": ago(30)})), T),
    ("started: {within: 30 days}", meds((DRUG, "taken", {"started": ago(31)})), F),
    ("started: {within: 30 days}", meds((DRUG, "taken", {"started": ago(25, spread=10)})), U),
    ("started: {within: 30 days}", meds((DRUG, "taken", {})), U),
    ("taken_for: {at_least: 90 days}", meds((DRUG, "taken", {"started": ago(90)})), T),
    ("taken_for: {at_least: 90 days}", meds((DRUG, "taken", {"started": ago(89)})), F),
    ("taken_for: {at_least: 90 days}", meds((DRUG, "taken", {"started": ago(80, spread=20)})), U),
    ("taken_for: {at_least: 90 days}", meds((DRUG, "taken", {})), U),
    (
        "taken_for: {at_least: 90 days}",
        meds((DRUG, "taken", {"started": ago(20)}), (DRUG, "stopped", {"started": ago(120), "stopped": ago(25)})),
        T,
    ),
    (
        "taken_for: {at_least: 90 days}",
        meds((DRUG, "taken", {"started": ago(20)}), (DRUG, "stopped", {"started": ago(400), "stopped": ago(300)})),
        F,
    ),
    ("stopped: {within: 14 days}", meds((DRUG, "stopped", {"stopped": ago(14)})), T),
    ("stopped: {within: 14 days}", meds((DRUG, "stopped", {"stopped": ago(15)})), F),
    ("stopped: {within: 14 days}", meds((DRUG, "stopped", {})), U),
]


def two_taken(one: Range | None, other: Range | None) -> Build:
    return meds((DRUG, "taken", {"dose": dose(one)}), (DRUG, "taken", {"dose": dose(other)}))


def told_too(ordered: Range | None, told: Range | None) -> Build:
    """An order in force, and a statement of use beside it."""
    statement = {"dose": dose(told), "reference": "MedicationStatement/s", "reported": True}
    return meds((DRUG, "taken", {"dose": dose(ordered)}), (DRUG, "taken", statement))


def revised(
    mg: float, own: str = "day", *, day: float, night: float | None, begun: tuple[Day | None, Day | None] = (None, None)
) -> Build:
    """Two orders in force, one by day and one at night, and one being written."""
    one = {"dose": dose(exactly(day)), "reference": "MedicationRequest/day", "started": begun[0]}
    two = {
        "dose": dose(exactly(night)) if night else dose(),
        "reference": "MedicationRequest/night",
        "started": begun[1],
    }
    return meds(
        (DRUG, "draft", {"dose": dose(exactly(mg)), "reference": f"MedicationRequest/{own}"}),
        (DRUG, "taken", one),
        (DRUG, "taken", two),
    )


DOSES: list[Row] = [
    ("daily_dose: {above: 30 mg}", draft(dose=dose(exactly(31))), T),
    ("daily_dose: {above: 30 mg}", draft(dose=dose(exactly(30))), F),
    ("daily_dose: {above: 30 mg}", draft(dose=dose(Range(0, 40))), U),
    ("daily_dose: {above: 30 mg}", draft(), U),
    # Two products of one ingredient count together; one of unknown dose adds from nothing to any amount.
    ("daily_dose: {above: 30 mg}", two_taken(exactly(10), exactly(20)), F),
    ("daily_dose: {above: 29 mg}", two_taken(exactly(10), exactly(20)), T),
    ("daily_dose: {at_least: 30 mg}", two_taken(exactly(20), exactly(10)), T),
    ("daily_dose: {at_most: 20 mg}", two_taken(exactly(10), exactly(20)), F),
    ("daily_dose: {above: 30 mg}", two_taken(exactly(10), Range(0, 20)), F),
    ("daily_dose: {above: 30 mg}", two_taken(exactly(20), Range(0, 20)), U),
    ("daily_dose: {above: 30 mg}", two_taken(exactly(20), None), U),
    ("daily_dose: {at_most: 30 mg}", two_taken(None, exactly(20)), U),
    ("daily_dose: {above: 30 mg}", two_taken(exactly(31), None), T),
    ("daily_dose: {at_most: 30 mg}", two_taken(None, exactly(31)), F),
    ("daily_dose: {above: 30 mg}", two_taken(None, None), U),
    # What is being ordered is judged by itself: it may replace what is taken.
    (
        "daily_dose: {above: 30 mg}",
        meds((DRUG, "draft", {"dose": dose(exactly(20))}), (DRUG, "taken", {"dose": dose(exactly(20))})),
        F,
    ),
    ("daily_dose: {at_most: 1 g}", draft(dose=dose(exactly(1000))), T),
    ("single_dose: {at_least: 600 mg}", draft(dose=dose(single=exactly(600))), T),
    ("single_dose: {at_least: 600 mg}", draft(dose=dose(single=exactly(599))), F),
    ("single_dose: {at_least: 600 mg}", draft(), U),
    ("times_per_day: {at_least: 3}", draft(dose=dose(times=exactly(3))), T),
    ("times_per_day: {at_least: 3}", draft(dose=dose(times=Range(2, 4))), U),
    ("times_per_day: {at_least: 3}", draft(dose=dose(times=exactly(2))), F),
    (
        "dose_step: {above: 10 mg}",
        meds((DRUG, "draft", {"dose": dose(exactly(30))}), (DRUG, "taken", {"dose": dose(exactly(10))})),
        T,
    ),
    (
        "dose_step: {above: 10 mg}",
        meds((DRUG, "draft", {"dose": dose(exactly(20))}), (DRUG, "taken", {"dose": dose(exactly(10))})),
        F,
    ),
    ("dose_step: {above: 10 mg}", meds((DRUG, "draft", {"dose": dose(exactly(20))}), (DRUG, "taken", {})), U),
    ("dose_step: {above: 10 mg}", draft(dose=dose(exactly(20))), F),
    ("dose_step: {above: 10 mg}", meds((DRUG, "draft", {"dose": dose(exactly(20))}), sections=UNREAD), U),
    (
        "dose_step: {at_least: 10 mg, within: 7 days}",
        meds(
            (DRUG, "draft", {"dose": dose(exactly(20))}),
            (DRUG, "taken", {"dose": dose(exactly(10)), "started": ago(7)}),
        ),
        T,
    ),
    (
        "dose_step: {at_least: 10 mg, within: 7 days}",
        meds(
            (DRUG, "draft", {"dose": dose(exactly(20))}),
            (DRUG, "taken", {"dose": dose(exactly(10)), "started": ago(8)}),
        ),
        F,
    ),
    (
        "dose_step: {at_least: 10 mg, within: 7 days}",
        meds((DRUG, "draft", {"dose": dose(exactly(20))}), (DRUG, "taken", {"dose": dose(exactly(10))})),
        U,
    ),
    ("dose_in_force: {at_most: 20 mg}", meds((DRUG, "draft", {}), (DRUG, "taken", {"dose": dose(exactly(20))})), T),
    ("dose_in_force: {at_most: 20 mg}", meds((DRUG, "taken", {"dose": dose(exactly(20.5))})), F),
    ("dose_in_force: {at_most: 20 mg}", meds((DRUG, "taken", {"dose": dose(Range(10, 30))})), U),
    ("dose_in_force: {at_most: 20 mg}", meds((DRUG, "taken", {})), U),
    ("dose_in_force: {at_most: 20 mg}", draft(dose=dose(exactly(10))), F),
    ("dose_in_force: {at_most: 20 mg}", meds((DRUG, "draft", {}), sections=UNREAD), U),
    # All orders in force count together, and so do all being written.
    ("dose_in_force: {at_most: 30 mg}", two_taken(exactly(10), exactly(20)), T),
    ("dose_in_force: {at_most: 29 mg}", two_taken(exactly(20), exactly(10)), F),
    ("dose_in_force: {at_most: 20 mg}", two_taken(exactly(10), None), U),
    ("dose_in_force: {above: 20 mg}", two_taken(exactly(25), None), T),
    ("dose_in_force: {above: 20 mg}", told_too(exactly(15), exactly(15)), F),
    ("dose_in_force: {above: 20 mg}", told_too(exactly(15), None), F),
    ("dose_in_force: {above: 20 mg}", told_too(exactly(15), exactly(10)), U),
    ("dose_in_force: {above: 20 mg}", told_too(exactly(25), exactly(10)), T),
    # Beside a dose that cannot be read a statement is a least dose; an order that may have ended is none.
    ("dose_in_force: {above: 20 mg}", told_too(None, exactly(25)), T),
    (
        "dose_in_force: {above: 20 mg}",
        meds((DRUG, "taken", {"dose": dose()}), (DRUG, "possibly-taken", {"dose": dose(exactly(25))})),
        U,
    ),
    ("dose_step: {above: 10 mg}", revised(20, day=10, night=5), F),
    ("dose_step: {above: 10 mg}", revised(21, day=10, night=5), T),
    ("daily_dose: {above: 25 mg}", revised(20, day=10, night=5), F),
    ("daily_dose: {above: 24 mg}", revised(20, day=10, night=5), T),
    # An order with an id of its own takes the place of one order in force at least, of all at most.
    ("dose_step: {above: 10 mg}", revised(15, own="z", day=10, night=5), F),
    ("dose_step: {above: 10 mg}", revised(20, own="z", day=10, night=5), U),
    ("dose_step: {above: 10 mg}", revised(26, own="z", day=10, night=5), T),
    ("daily_dose: {above: 25 mg}", revised(15, own="z", day=10, night=5), F),
    ("daily_dose: {above: 25 mg}", revised(20, own="z", day=10, night=5), U),
    ("daily_dose: {above: 25 mg}", revised(26, own="z", day=10, night=5), T),
    # What goes on unchanged does not matter to the step.
    ("dose_step: {above: 10 mg}", revised(21, day=10, night=None), T),
    ("dose_step: {above: 10 mg}", revised(20, day=10, night=None), F),
    ("daily_dose: {above: 20 mg}", revised(20, day=10, night=None), U),
    (
        "dose_step: {above: 10 mg}",
        meds(
            (DRUG, "draft", {"dose": dose(exactly(20))}),
            (DRUG, "draft", {"dose": dose(exactly(5))}),
            (DRUG, "taken", {"dose": dose(exactly(10))}),
        ),
        T,
    ),
    # The last change of any of them counts; one without a date may be it.
    ("dose_step: {at_least: 10 mg, within: 7 days}", revised(20, day=10, night=5, begun=(ago(40), ago(7))), T),
    ("dose_step: {at_least: 10 mg, within: 7 days}", revised(20, day=10, night=5, begun=(ago(40), ago(8))), F),
    ("dose_step: {at_least: 10 mg, within: 7 days}", revised(20, day=10, night=5, begun=(ago(40), None)), U),
    ("dose_step: {at_least: 10 mg, within: 7 days}", revised(20, day=10, night=5, begun=(ago(7), None)), T),
    ("renewal: {within: 30 days}", revised(10, day=10, night=5), T),
    ("renewal: {within: 30 days}", revised(15, own="z", day=10, night=5), T),
    ("renewal: {within: 30 days}", revised(14, own="z", day=10, night=5), F),
    ("renewal: {within: 30 days}", twice({"stopped": ago(30)}), T),
    ("renewal: {within: 30 days}", twice({"stopped": ago(31)}), F),
    ("renewal: {within: 30 days}", twice({"stopped": ago(5), "dose": dose(exactly(20))}), F),
    ("renewal: {within: 30 days}", twice({}), U),
    ("renewal: {within: 30 days}", twice({"stopped": ago(5), "dose": dose()}), U),
    ("renewal: {within: 30 days}", twice({}, "taken"), T),
    ("renewal: {within: 30 days}", draft(dose=dose(exactly(10))), F),
    ("renewal: {within: 30 days}", meds((DRUG, "draft", {}), sections=UNREAD), U),
    ("renewal: {within: 30 days}", meds((DRUG, "taken", {})), F),
]

OTHERS: list[Row] = [
    ("hook: order-sign", draft(), T),
    ("hook: [patient-view, order-sign]", draft(), T),
    ("hook: [patient-view, order-select]", draft(), F),
    ("also: opioid", meds((DRUG, "draft", {}), ("morphine", "taken", {})), T),
    ("also: opioid", meds((DRUG, "draft", {}), ("morphine", "draft", {})), T),
    ("also: opioid", meds((DRUG, "draft", {}), ("morphine", "stopped", {})), F),
    ("also: [digoxin, opioid]", meds((DRUG, "draft", {}), ("digoxin", "taken", {})), T),
    ("also: opioid", draft(), F),
    ("also: opioid", meds((DRUG, "draft", {}), sections=UNREAD), U),
    ("also: opioid", meds((DRUG, "draft", {}), ("morphine", "taken", {}), sections=PARTIAL), T),
    (
        "also: opioid",
        meds(
            (DRUG, "draft", {}),
            ("?", "taken", {"ingredients": (), "confidence": "none", "watched": frozenset({"opioid"})}),
        ),
        U,
    ),
    ("also: muscle-relaxant", draft(), F),
    ("drafted: opioid", meds(("morphine", "draft", {})), T),
    ("drafted: opioid", meds(("morphine", "taken", {})), F),
    ("drafted: opioid", meds(("morphine", "draft", {"judged": False})), F),
    ("drafted: muscle-relaxant", draft(), F),
    ("drafted: [digoxin, opioid]", meds((DRUG, "draft", {}), ("morphine", "draft", {})), T),
    (
        "drafted: opioid",
        meds(("?", "draft", {"ingredients": (), "confidence": "none", "watched": frozenset({"opioid"})})),
        U,
    ),
    (FOR_CRAMP, meds(("morphine", "draft", {"reasons": (reason("muscle-cramp"),)})), T),
    (
        FOR_CRAMP,
        meds(("morphine", "draft", {"reasons": (reason("?", understood=False, unclear=("muscle-cramp",)),)})),
        T,
    ),
    (FOR_CRAMP, meds(("morphine", "draft", {"reasons": (reason("spasticity"),)})), F),
    (FOR_CRAMP, meds(("morphine", "draft", {})), F),
    (FOR_CRAMP, meds(("morphine", "draft", {"reasons": (reason(text="?", understood=False),)})), U),
    (UNSAID, meds(("morphine", "draft", {})), T),
    (UNSAID, meds(("morphine", "draft", {"reasons": (reason("spasticity"),)})), F),
    (UNSAID, meds(("morphine", "draft", {"reasons": (reason(text="?", understood=False),)})), F),
    (UNSAID, meds(("morphine", "taken", {})), F),
    (
        UNSAID,
        meds(("?", "draft", {"ingredients": (), "confidence": "none", "watched": frozenset({"opioid"})})),
        U,
    ),
    (
        "taking_count: {classes: [opioid, digoxin], at_least: 2}",
        meds(("morphine", "taken", {}), ("digoxin", "taken", {})),
        T,
    ),
    ("taking_count: {classes: [opioid], at_least: 2}", meds(("morphine", "taken", {})), F),
    ("taking_count: {classes: [opioid], at_least: 2}", meds(("morphine", "taken", {}), sections=PARTIAL), U),
    ("has_condition: cirrhosis", plain(problems=(problem("cirrhosis"),)), T),
    ("has_condition: cirrhosis", plain(problems=(problem("cirrhosis", active=False),)), F),
    ("has_condition: {concept: cirrhosis, ever: true}", plain(problems=(problem("cirrhosis", active=False),)), T),
    ("has_condition: [malaria, cirrhosis]", plain(problems=(problem("cirrhosis"),)), T),
    ("has_condition: cirrhosis", plain(), F),
    ("has_condition: cirrhosis", plain(sections={"conditions": "unread"}), U),
    ("has_condition: cirrhosis", plain(sections={"conditions": "partial"}), U),
    (
        "has_condition: cirrhosis",
        plain(problems=(problem("x", concepts=frozenset(), unclear=frozenset({"cirrhosis"})),)),
        U,
    ),
    (
        "has_condition: {concept: cirrhosis, in_words: true}",
        plain(problems=(problem("x", concepts=frozenset(), unclear=frozenset({"cirrhosis"})),)),
        T,
    ),
    ("pregnant: true", plain(problems=(problem("pregnancy"),)), T),
    ("pregnant: true", plain(), F),
    ("pregnant: true", plain(sections={"conditions": "unread"}), U),
    ("allergic_to: quinine", plain(allergies=(allergy("quinine"),)), T),
    ("allergic_to: quinine", plain(allergies=(allergy("quinine", active=False),)), F),
    ("allergic_to: quinine", plain(allergies=(allergy(unclear=frozenset({"quinine"})),)), U),
    ("allergic_to: quinine", plain(sections={"allergies": "unread"}), U),
    ("age: {at_least: 65}", plain(age=exactly(65)), T),
    ("age: {at_least: 65}", plain(age=exactly(64)), F),
    ("age: {at_least: 65}", plain(age=Range(64, 65)), U),
    ("age: {at_least: 65}", plain(age=None), U),
    ("sex: female", plain(sex="female"), T),
    ("sex: female", plain(sex="male"), F),
    ("sex: female", plain(sex=None), U),
]

K = "potassium"
LOW = "lab: {test: potassium, below: low, within: 90 days}"
LABS: list[Row] = [
    (LOW, plain(labs=[result(K, 3.4)]), T),
    (LOW, plain(labs=[result(K, 3.5)]), F),
    (LOW, plain(labs=[result(K, 3.4, 90)]), T),
    (LOW, plain(labs=[result(K, 3.4, 91)]), U),
    (LOW, plain(), U),
    (LOW, plain(sections={"observations": "unread"}), U),
    (LOW, plain(labs=[result(K, None, 1), result(K, 3.4, 5)]), U),
    (LOW, plain(labs=[result(K, 4.0, 1), result(K, 3.4, 5)]), F),
    (LOW, plain(labs=[result(K, 3.4, day=ago(85, spread=10))]), U),
    (LOW, plain(labs=[result(K, 3.0, comparator="<")]), T),
    (LOW, plain(labs=[result(K, 3.5, comparator="<")]), T),
    (LOW, plain(labs=[result(K, 3.6, comparator="<")]), U),
    (LOW, plain(labs=[result(K, 3.5, comparator=">")]), F),
    (LOW, plain(labs=[result(K, 3.0, comparator=">")]), U),
    ("lab: {test: potassium, at_least: low, within: 90 days}", plain(labs=[result(K, 3.5)]), T),
    ("lab: {test: potassium, below: 3.0 mmol/L, within: 90 days}", plain(labs=[result(K, 2.9)]), T),
    ("lab: {test: potassium, above: 5.0 mEq/L, within: 90 days}", plain(labs=[result(K, 5.1)]), T),
    (
        "lab: {test: potassium, above: 5.0 mmol/L, within: 90 days, unless_haemolysed: true}",
        plain(labs=[result(K, 5.1, haemolysed=True)]),
        U,
    ),
    ("lab: {test: magnesium, below: low, within: 90 days}", plain(labs=[result("magnesium", 0.69)]), T),
    ("lab: {test: magnesium, below: low, within: 90 days}", plain(labs=[result("magnesium", 0.69, normal_low=0.66)]), F),
    ("lab: {test: magnesium, below: low, within: 90 days}", plain(labs=[result("magnesium", 0.65, normal_low=0.60)]), T),
    ("lab: {test: magnesium, at_most: severe, within: 90 days}", plain(labs=[result("magnesium", 0.40)]), T),
    ("lab: {test: calcium, above: high, within: 90 days}", plain(labs=[result("calcium", 1.31, variant="ionised")]), T),
    ("lab: {test: calcium, above: high, within: 90 days}", plain(labs=[result("calcium", 2.6, variant="adjusted")]), F),
    ("lab: {test: calcium, below: low, within: 90 days}", plain(labs=[result("calcium", 1.9, variant="unadjusted")]), U),
    (
        "lab: {test: calcium, above: high, within: 90 days}",
        plain(labs=[result("calcium", 2.7, variant="unadjusted"), result("calcium", 1.2, variant="ionised")]),
        F,
    ),
    (
        "lab: {test: calcium, at_least: moderate-high, within: 90 days}",
        plain(labs=[result("calcium", 3.0, variant="adjusted")]),
        T,
    ),
    (
        "lab: {test: calcium, at_least: moderate-high, within: 90 days}",
        plain(labs=[result("calcium", 1.5, variant="ionised")]),
        F,
    ),
    ("lab_missing: {any_of: [sodium, potassium], within: 30 days}", plain(labs=[result(K, 4, 30)]), T),
    ("lab_missing: {all_of: [sodium, potassium], within: 30 days}", plain(labs=[result(K, 4, 30)]), F),
    ("lab_missing: {any_of: [potassium], within: 30 days}", plain(labs=[result(K, 4, 30)]), F),
    ("lab_missing: {any_of: [potassium], within: 30 days}", plain(labs=[result(K, 4, 31)]), T),
    ("lab_missing: {any_of: [potassium], within: 30 days}", plain(labs=[result(K, None, 1)]), T),
    ("lab_missing: {any_of: [potassium], within: 30 days}", plain(labs=[result(K, 4, day=ago(25, spread=10))]), U),
    ("lab_missing: {any_of: [potassium], within: 30 days}", plain(sections={"observations": "unread"}), U),
    (
        "lab_missing: {any_of: [potassium], within: 30 days, since_start: true}",
        lambda library: chart(
            medications=(order(DRUG, "taken", library, started=ago(10)),), labs=[result(K, 4, 20)]
        ),
        T,
    ),
    (
        "lab_missing: {any_of: [potassium], within: 30 days, since_start: true}",
        lambda library: chart(medications=(order(DRUG, "taken", library, started=ago(10)),), labs=[result(K, 4, 9)]),
        F,
    ),
]  # fmt: skip


@pytest.mark.parametrize(("criterion", "build", "expected"), [*MEDICINES, *DOSES, *OTHERS, *LABS])
def test_fact(criterion: str, build: Build, expected: Truth, library: Library) -> None:
    assert answer(criterion, build(library), library, DRUG) is expected


def test_every_fact_has_a_true_a_false_and_if_it_can_an_unknown_row() -> None:
    seen: dict[str, set[Truth]] = {}
    for criterion, _, expected in [*MEDICINES, *DOSES, *OTHERS, *LABS]:
        seen.setdefault(criterion.split(":")[0], set()).add(expected)
    assert set(seen) == set(FACTS)
    for name, answers in seen.items():
        sometimes = FACTS[name].unknown_when != "never"
        assert answers >= ({T, F, U} if sometimes else {T, F}) - ({U} if name == "medicine_is" else set()), name


def test_an_assumption_turns_unknown_into_an_answer(library: Library) -> None:
    unread = chart(sections={"conditions": "unread"})
    assert answer("{has_condition: cirrhosis, if_unknown: assume-absent}", unread, library) is False
    assert answer("{has_condition: cirrhosis, if_unknown: assume-present}", unread, library) is True
    assert answer("none: [{has_condition: cirrhosis, if_unknown: assume-absent}]", unread, library) is True
    assert answer("none: [{has_condition: cirrhosis, if_unknown: stay-unknown}]", unread, library) is None


def test_a_dose_in_words_is_unread_while_no_dose_is_absent(library: Library) -> None:
    read = read_criterion(whole(parse_yaml("daily_dose: {above: 10 mg}", "test")), library.references)
    kinds = []
    in_words = Dose(text="as discussed", problem="no dose stated as a number", written=True)
    for written in (in_words, Dose(problem="no dosage given")):
        found = chart(medications=(order(DRUG, "draft", library, dose=written),))
        everything = courses(found, library.references.classes_of)
        trace: Trace = []
        compile_criterion(read)(Case(found, "order-sign", everything[0], everything), trace)
        kinds.append(type(trace[0].evidence[0]))
    assert kinds == [Gap, Absent]
