"""What a reconvergence stack would have issued for the same binary and the same threads.

The stack is the usual one (W. Fung et al., "Dynamic Warp Formation", MICRO 2007, section 2): where
a branch diverges, its threads run path by path and meet again at the branch's immediate
post-dominator. The post-dominators are those of the binary's control flow graph; the threads' paths
are taken from a run of the simulator, so the kernel must be free of races and collectives.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

from weft.arch.isa import Unit, decode
from weft.golden.simt import Retired

END = -1
"""Where functions return to and threads end, as a node of the graph."""

_RETURN_ADDRESS = 1


def paths(retired: Iterable[Retired], lanes: int) -> list[list[int]]:
    """Program counters of each lane of one warp, in order."""
    found: list[list[int]] = [[] for _ in range(lanes)]
    for record in retired:
        for lane in range(lanes):
            if record.active >> lane & 1:
                found[lane].append(record.pc)
    return found


def post_dominators(code: Mapping[int, int], threads: Iterable[list[int]]) -> dict[int, int]:
    """The immediate post-dominator of every instruction in its function.

    Parameters
    ----------
    code
        Instruction words by program counter.
    threads
        Paths, which say where computed jumps lead.

    Returns
    -------
    dict
        Program counters; `END` where paths meet only when the function returns.
    """
    computed: dict[int, set[int]] = defaultdict(set)
    for path in threads:
        for pc, following in pairwise(path):
            computed[pc].add(following)
    successors = {pc: _successors(pc, word, computed) for pc, word in code.items()}
    predecessors: dict[int, set[int]] = defaultdict(set)
    for pc, targets in successors.items():
        for target in targets:
            predecessors[target].add(pc)
    return _immediate(successors, _backward_order(predecessors))


def stack_issues(
    code: Mapping[int, int], threads: list[list[int]], meets: Mapping[int, int]
) -> int:
    """Instructions that a reconvergence stack issues.

    Parameters
    ----------
    code
        Instruction words by program counter.
    threads
        Paths of the lanes of one warp.
    meets
        What `post_dominators` found.
    """
    position = [0] * len(threads)
    live = {lane for lane, path in enumerate(threads) if path}
    first = {threads[lane][0] for lane in live}
    assert len(first) == 1, "a warp's threads begin together"
    stack = [_Entry((first.pop(),), (END,), set(live))]
    issued = 0
    while stack:
        top = stack[-1]
        top.lanes &= live
        if not top.lanes or top.at == top.until:
            stack.pop()
            continue
        *calls, pc = top.at
        issued += 1
        targets: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for lane in top.lanes:
            path = threads[lane]
            assert path[position[lane]] == pc, "a path does not fit the code"
            position[lane] += 1
            if position[lane] == len(path):
                live.discard(lane)
            else:
                targets[_step(calls, pc, code[pc], path[position[lane]])].add(lane)
        if len(targets) == 1:
            (top.at,) = targets
        elif targets:
            meet = meets.get(pc, END)
            # A function's end is where its caller goes on: the return address is on the calls.
            top.at = (*calls, meet) if meet != END else tuple(calls) or top.until
            until = top.at
            for at, lanes in targets.items():
                if at != until:
                    stack.append(_Entry(at, until, lanes))
    return issued


@dataclass
class _Entry:
    """Threads that run together; places are return addresses, outermost first, and the pc."""

    at: tuple[int, ...]
    until: tuple[int, ...]
    lanes: set[int]


def _step(calls: list[int], pc: int, word: int, following: int) -> tuple[int, ...]:
    """Where a thread is after an instruction."""
    found = decode(word)
    if found is not None and found.instruction.unit is Unit.JUMP:
        if found.rd == _RETURN_ADDRESS:
            return (*calls, pc + 4, following)
        if calls and following == calls[-1]:
            return tuple(calls)
    return (*calls, following)


def _successors(pc: int, word: int, computed: Mapping[int, set[int]]) -> set[int]:
    found = decode(word)
    if found is None or found.instruction.unit in (Unit.EXIT, Unit.TRAP):
        return {END}
    unit = found.instruction.unit
    if unit is Unit.BRANCH:
        return {pc + 4, pc + found.imm}
    if unit is not Unit.JUMP or found.rd == _RETURN_ADDRESS:
        return {pc + 4}  # calls come back
    if found.name == "jal":
        return {pc + found.imm}
    return {END} if found.values["rs1"] == _RETURN_ADDRESS else set(computed[pc]) or {END}


def _backward_order(predecessors: Mapping[int, set[int]]) -> list[int]:
    """Nodes that reach `END`, each after one of its successors: reverse post-order from END."""
    order, seen, stack = [], {END}, [(END, iter(sorted(predecessors[END])))]
    while stack:
        node, more = stack[-1]
        following = next((n for n in more if n not in seen), None)
        if following is None:
            order.append(node)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(sorted(predecessors.get(following, ())))))
    return order[::-1]


def _immediate(successors: Mapping[int, set[int]], order: list[int]) -> dict[int, int]:
    """Cooper, Harvey, Kennedy: "A Simple, Fast Dominance Algorithm", on the reversed graph."""
    rank = {node: i for i, node in enumerate(order)}
    found = {END: END}
    changed = True
    while changed:
        changed = False
        for node in order[1:]:
            meet: int | None = None
            for other in successors[node]:
                if other not in found:
                    continue
                a, b = other, other if meet is None else meet
                while a != b:
                    if rank[a] > rank[b]:
                        a = found[a]
                    else:
                        b = found[b]
                meet = a
            if meet is not None and found.get(node) != meet:
                found[node] = meet
                changed = True
    del found[END]
    return found
