"""首页: one plain page that leads to everything else. It holds no data of its own and calls no service."""
