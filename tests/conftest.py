from hypothesis import HealthCheck, settings

settings.register_profile(
    "hwlearn",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.differing_executors],
)
settings.load_profile("hwlearn")
