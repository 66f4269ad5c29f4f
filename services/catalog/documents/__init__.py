"""Documents 公文: drafted, reviewed, signed off, published within their limit, corrected, withdrawn."""
