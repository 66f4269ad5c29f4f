"""Calendar notices 放假通知: national and local, one version each time, never edited."""
