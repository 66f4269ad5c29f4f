"""The public change feed 公开目录变更: published, corrected, withdrawn, in an order no poller can miss."""
