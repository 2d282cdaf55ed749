"""A CNN of the shape of ResNet-8 on the chip: convolutions on the array, sums on the SIMT core."""
