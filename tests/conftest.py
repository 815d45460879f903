"""The same examples at every run, however busy the machine; HYPOTHESIS_PROFILE=explore looks for new ones."""

import os

from hypothesis import HealthCheck, settings

# No deadline and no too_slow: both measure seconds, and a test is as slow as what else runs beside it.
COMMON = settings(database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", COMMON, derandomize=True, max_examples=60)
settings.register_profile("explore", COMMON, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
