"""One BERT-tiny encoder layer on the chip: products on the array, the rest on the SIMT core."""
