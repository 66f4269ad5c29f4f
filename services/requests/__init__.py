"""依申请公开: a citizen's request from intake to archive, and its clock."""
