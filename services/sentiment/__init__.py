"""政务舆情: incidents of public opinion and the hours within which the government must answer."""
