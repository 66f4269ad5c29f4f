from tests.kit.spine import bus, bus_url, counters, counters_url

__all__ = ["bus", "bus_url", "counters", "counters_url"]
