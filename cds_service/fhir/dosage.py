"""What the dosage instructions of one order come to, in mg; text is never interpreted.

Rules, where FHIR leaves a choice:

- a dose counts in mg, g or ug, or in solid units (tablets, capsules) when the product's strength is known;
- "as needed" lowers the daily dose to 0; a maximum per period limits it, and alone gives it its upper end;
- several instructions without different `sequence` numbers are taken together and add up; with different numbers they
  may be steps of one course or parts of one day, so the daily dose lies between the smallest step and their sum;
- one instruction that cannot be computed leaves the whole daily dose unknown.
"""

import math
from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from cds_service.chart import Dose, Range
from cds_service.fhir.amounts import milligrams
from cds_service.fhir.codeable import short
from cds_service.fhir.elements import Dosage, DoseAndRate, Quantity, Ratio, present
from cds_service.fhir.timing import days_in, times_per_day

_LONGEST_TEXT = 200


def dose_of(instructions: Iterable[Dosage | None] | None, strength: float | None) -> Dose:
    """Single dose, times per day and daily dose of an order; `strength` is the mg of one solid dose unit."""
    read = [instruction for instruction in instructions or () if instruction is not None]
    if not read:
        return Dose(problem="no dosage given")
    text = short("; ".join(filter(None, (short(instruction.text) for instruction in read))), _LONGEST_TEXT)
    if any(present(instruction.modifier_extension) for instruction in read):
        return Dose(text=text, problem="the dosage carries an extension that changes its meaning", written=True)
    parts = [_one(instruction, strength) for instruction in read]
    written = bool(text) or any(_stated(one) or one.max_dose_per_period is not None for one in read)
    return replace(_together(parts, text, steps=_steps(read)), written=written)


def _one(instruction: Dosage, strength: float | None) -> Dose:
    single, problem = _single(instruction, strength)
    times = times_per_day(instruction.timing)
    as_needed = bool(instruction.as_needed_boolean) or instruction.as_needed_codeable_concept is not None
    if times is not None and as_needed:
        times = Range(0.0, times.high)
    daily = _daily(single, times, _most_per_day(instruction.max_dose_per_period, strength), as_needed=as_needed)
    if daily is None and not problem:
        problem = "how often it is taken is not stated in a form that can be computed"
    return Dose(single, times, daily, problem="" if daily is not None else problem)


def _daily(single: Range | None, times: Range | None, most: float | None, *, as_needed: bool) -> Range | None:
    if single is not None and times is not None:
        low, high = single.low * times.low, single.high * times.high
        return Range(min(low, most), min(high, most)) if most is not None else Range(low, high)
    return Range(0.0, most) if most is not None and as_needed else None


def _single(instruction: Dosage, strength: float | None) -> tuple[Range | None, str]:
    """One dose in mg, or why it cannot be computed."""
    stated = _stated(instruction)
    if not stated:
        return None, "no dose stated as a number"
    amount = _amount(stated[0], strength)
    if any(_amount(dose, strength) != amount for dose in stated[1:]):
        return None, "several different doses are stated for one instruction"
    return (amount, "") if isinstance(amount, Range) else (None, amount)


def _stated(instruction: Dosage) -> list[DoseAndRate]:
    """The stated doses that count: those ordered rather than calculated, where the order tells them apart."""
    doses = [dose for dose in instruction.dose_and_rate or () if dose is not None]
    doses = [dose for dose in doses if dose.dose_quantity is not None or dose.dose_range is not None]
    if not doses and instruction.dose_quantity is not None:
        return [DoseAndRate(dose_quantity=instruction.dose_quantity)]
    ordered = [dose for dose in doses if _kind(dose) == "ordered"]
    return ordered or doses


def _kind(dose: DoseAndRate) -> str:
    codes = dose.type.coding if dose.type is not None and dose.type.coding else ()
    return next((coding.code.strip().lower() for coding in codes if coding is not None and coding.code), "")


def _amount(dose: DoseAndRate, strength: float | None) -> Range | str:
    if dose.dose_quantity is not None:
        amount = milligrams(dose.dose_quantity, strength)
        return Range(amount, amount) if isinstance(amount, float) else amount
    held = dose.dose_range
    low, high = (held.low, held.high) if held is not None else (None, None)
    if high is None:
        return "the dose is a range without an upper end"
    # FHIR lets both ends of a Range share one unit; a low end without one takes that of the high end.
    least = milligrams(_with_unit_of(low, high), strength) if low is not None else 0.0
    most = milligrams(high, strength)
    if isinstance(most, str):
        return most
    if isinstance(least, str):
        return least
    return Range(least, most) if least <= most else "the dose is a range that runs backwards"


def _with_unit_of(low: Quantity, high: Quantity) -> Quantity:
    if low.unit or low.code:
        return low
    return Quantity(value=low.value, unit=high.unit, system=high.system, code=high.code)


def _most_per_day(limit: Ratio | None, strength: float | None) -> float | None:
    """The greatest daily dose in mg that a maximum per period allows."""
    if limit is None or limit.numerator is None or limit.denominator is None:
        return None
    amount = milligrams(limit.numerator, strength)
    days = days_in(limit.denominator)
    return amount / days if isinstance(amount, float) and days else None


def _steps(instructions: Sequence[Dosage]) -> bool:
    return len({instruction.sequence for instruction in instructions}) > 1


def _together(parts: Sequence[Dose], text: str, *, steps: bool) -> Dose:
    """Several instructions as one dose."""
    if len(parts) == 1:
        return Dose(parts[0].single, parts[0].times_per_day, parts[0].daily, text, parts[0].problem)
    problem = next((part.problem for part in parts if part.problem), "")
    singles = [part.single for part in parts if part.single is not None]
    single = None
    if len(singles) == len(parts):
        single = Range(min(one.low for one in singles), max(one.high for one in singles))
    times = _sum([part.times_per_day for part in parts], steps=steps)
    daily = [part.daily for part in parts]
    return Dose(single, times, _sum(daily, steps=steps), text, problem, () if steps else tuple(daily))


def _sum(parts: Sequence[Range | None], *, steps: bool) -> Range | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    lows = [part.low for part in known]
    return Range(min(lows) if steps else math.fsum(lows), math.fsum(part.high for part in known))
