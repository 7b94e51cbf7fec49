"""All attacks, in the order of what they aim at."""

from ..hand import ATTACKS
from . import channel, machine, notebooks, readers, times, values

__all__ = ["ATTACKS", "channel", "machine", "notebooks", "readers", "times", "values"]
