"""The two figures that are calculated when a laboratory does not report them.

Every coefficient is an argument: they stand with their sources in `labs.yaml` under `derived`.
"""

from collections.abc import Mapping


def adjusted_total(total: float, binder: float, *, slope: float, reference: float) -> float:
    """A total concentration adjusted for the protein that binds it: total + slope x (reference - binder).

    `total` and the result in mmol/L, `binder` and `reference` in g/L, `slope` in mmol/g.
    """
    return total + slope * (reference - binder)


def filtration_rate(level: float, age: float, sex: Mapping[str, float], *, coefficients: Mapping[str, float]) -> float:
    """Estimated filtration rate in mL/min/1.73 m2 from a blood level, for adults.

    CKD-EPI form (Inker et al., N Engl J Med 2021;385:1737-1749):
    factor x min(level/k, 1)^a x max(level/k, 1)^above x yearly^age x sex multiplier.
    `level` in the unit of the chart's test, divided by `per_unit` to reach the unit of the equation;
    `sex` holds `k`, `a` and `multiplier`; `coefficients` holds `factor`, `above`, `yearly` and `per_unit`.
    """
    ratio = level / coefficients["per_unit"] / sex["k"]
    below = float(min(ratio, 1.0) ** sex["a"])
    above = float(max(ratio, 1.0) ** coefficients["above"])
    return coefficients["factor"] * below * above * float(coefficients["yearly"] ** age) * sex["multiplier"]
