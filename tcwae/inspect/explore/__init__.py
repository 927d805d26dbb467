"""The page of `tcwae explore`: its content, its script, and the decoder in JavaScript."""
