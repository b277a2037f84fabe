"""Errors a person can act on: each message is one line that names feed, file, line or table, and rule."""


class BrokerlakeError(Exception):
    """Base of every expected failure; the command line prints it as one line and exits non-zero."""


class ConfigurationError(BrokerlakeError):
    """A file of conf/, contracts/, expectations/ or the catalogue says something that can't be."""


class LandingError(BrokerlakeError):
    """A delivery is missing, cut, or not what its manifest says."""


class DiskError(BrokerlakeError):
    """Less of the disk is free than a night needs to begin."""


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


class LeaseError(BrokerlakeError):
    """Another run holds the lake, or this one has lost it."""
