"""An incident 政务舆情事件 and its hour clocks."""
