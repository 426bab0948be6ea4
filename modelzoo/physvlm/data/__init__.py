"""From folders in public formats to batches: sources -> frozen rows -> token rows -> order -> batches of tensors."""
