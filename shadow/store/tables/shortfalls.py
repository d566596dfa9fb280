"""Table shortfall_day: what stood between the desk's decisions and its money, summed by day.

The file keeps it itself, in the transaction of the trades that it sums up.
"""

from __future__ import annotations

COSTS = ("entry_delay_e6", "entry_impact_e6", "exit_delay_e6", "exit_impact_e6")
MONEY = ("gross_e6", "fees_e6", "funding_e6", "net_e6")


def is_split(t: str) -> str:
    """Return the SQL condition that the costs of a trade (an alias of its table) are known."""
    return f"({t}.entry_delay_e6 IS NOT NULL AND {t}.exit_delay_e6 IS NOT NULL)"


def is_paid(t: str) -> str:
    """Return the SQL condition that a trade is one of the desk's whose money is final."""
    return f"{t}.kind IN ('paper', 'real') AND {t}.status = 'closed' AND {t}.net_e6 IS NOT NULL"


def _added(t: str, sign: str) -> str:
    """Return the statement that adds a trade to its day, or takes it off."""
    known = ", ".join(
        f"CASE WHEN {is_split(t)} THEN {sign}{t}.{name} END"
        for name in ("entry_notional_e6", *COSTS)
    )
    money = ", ".join(f"{sign}{t}.{name}" for name in MONEY)
    names = ("trades", "notional_e6", *COSTS, *MONEY)
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in names)
    return (
        f"INSERT INTO shortfall_day SELECT date({t}.closed_ns / 1000000000, 'unixepoch'),"
        f" {is_split(t)}, {sign}1, {known}, {money} WHERE {is_paid(t)}"
        f" ON CONFLICT DO UPDATE SET {sums};"
    )


SHORTFALLS_11 = f"""\
DROP TRIGGER shortfall_summed;
ALTER TABLE shortfall_day RENAME TO shortfall_10;

CREATE TABLE shortfall_day (
  day TEXT NOT NULL,
  split INTEGER NOT NULL CHECK (split IN (0, 1)),
  trades INTEGER NOT NULL,
  notional_e6 INTEGER CHECK ((notional_e6 IS NOT NULL) = split),
  entry_delay_e6 INTEGER CHECK ((entry_delay_e6 IS NOT NULL) = split),
  entry_impact_e6 INTEGER CHECK ((entry_impact_e6 IS NOT NULL) = split),
  exit_delay_e6 INTEGER CHECK ((exit_delay_e6 IS NOT NULL) = split),
  exit_impact_e6 INTEGER CHECK ((exit_impact_e6 IS NOT NULL) = split),
  gross_e6 INTEGER NOT NULL,
  fees_e6 INTEGER NOT NULL,
  funding_e6 INTEGER NOT NULL,
  net_e6 INTEGER NOT NULL,
  PRIMARY KEY (day, split)
) STRICT, WITHOUT ROWID;

INSERT INTO shortfall_day
SELECT day, 0, trades, NULL, NULL, NULL, NULL, NULL, gross_e6, fees_e6, funding_e6, net_e6
FROM shortfall_10;

DROP TABLE shortfall_10;

CREATE TRIGGER shortfall_summed AFTER UPDATE OF status, net_e6, flags ON trade
WHEN NEW.kind IN ('paper', 'real') AND (NEW.status = 'closed' OR OLD.status = 'closed')
BEGIN
  {_added("OLD", "-")} {_added("NEW", "")} END;
"""
