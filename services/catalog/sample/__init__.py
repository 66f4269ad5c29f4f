"""Sample data: the agencies, obligations and documents of five real plans of 2017."""
