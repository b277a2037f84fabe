"""Errors a person can act on: each message is one line that names feed, file, line or table, and rule."""


class BrokerlakeError(Exception):
    """Base of every expected failure; the command line prints it as one line and exits non-zero."""


class ConfigurationError(BrokerlakeError):
    """A file of conf/, contracts/, expectations/ or the catalogue says something that can't be."""


class LandingError(BrokerlakeError):
    """A delivery is missing, cut, or not what its manifest says."""


class RejectLimitError(BrokerlakeError):
    """A feed has a larger share of malformed rows than its reject limit allows."""


class ContractError(BrokerlakeError):
    """A table is not what its contract says."""


class QualityError(BrokerlakeError):
    """A critical rule failed, or the gate itself did not finish; nothing is published."""


class TotalsError(BrokerlakeError):
    """Rows or money do not reconcile between two layers."""


class PlanError(BrokerlakeError):
    """The requested run cannot be planned: a date, table or earlier night is not there."""


class ReleaseError(BrokerlakeError):
    """A release is missing, withdrawn or cannot be read."""


NO_SPACE = "No space left on device"


def plain_cause(crash: BaseException) -> str:
    """In a few words what an error of the system, Spark or Delta is, without row content."""
    if NO_SPACE in str(crash):
        return "no space left on the disk"
    condition = getattr(crash, "getCondition", None) or getattr(crash, "getErrorClass", None)
    name = condition() if callable(condition) else None
    return f"{type(crash).__name__}{f' [{name}]' if name else ''}; details in the log"
