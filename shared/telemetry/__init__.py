"""What a running service tells its operators: logs without personal data, metrics, and the trace it belongs to."""
