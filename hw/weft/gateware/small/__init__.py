"""The small chip: one engine in firmware instead of five in gates, for small FPGAs.

`controller` runs the firmware (`weft/firmware/`), which does what commands say one after the other;
`matrix` multiplies; `mailbox` brings what the host wants of the chip's registers; `chip` puts them
together with their memories. `map` says what is at which address.
"""
