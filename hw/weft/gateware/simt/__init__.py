"""The SIMT core: a barrel of warps whose threads have program counters of their own.

`core.Core` is the pipeline; `selection` says which threads of a warp run, `scheduler` which warp
does, `decode` what an instruction word means, `lane` computes, `row_unit` does what takes longer,
`launcher` places blocks. The reference is `weft.golden.simt`.
"""
