"""申请: the case itself, from 登记 to its end."""
