/* Breadth-first search: how many edges each node of a graph is away from node `source`, -1 where
   there is no way. By one block; the neighbours of node v are edges[first[v]] to
   edges[first[v + 1] - 1].

   Level by level: every thread looks for nodes of this level and marks their unmarked neighbours.
   Two threads may mark the same node; they write the same number, so it does not matter who
   wins. */
#include "weft.h"

WEFT_KERNEL void bfs(int nodes, int source, const int *first, const int *edges, int *level)
{
    /* Whether a level has marked anything. Three flags take turns: while this level writes one, a
       slow thread may still read the last, and the next has to be cleared. */
    volatile int *marked = weft_shared();
    int thread = weft_thread(), threads = weft_block_dim_x();

    for (int v = thread; v < nodes; v += threads)
        level[v] = v == source ? 0 : -1;
    if (thread == 0)
        marked[0] = 0;
    weft_fence(); /* a barrier alone orders shared memory only */
    weft_bar();

    int flag = 0;
    for (int depth = 0;; depth++) {
        int next = flag == 2 ? 0 : flag + 1;
        if (thread == 0)
            marked[next] = 0;
        for (int v = thread; v < nodes; v += threads) {
            if (level[v] != depth)
                continue;
            for (int e = first[v]; e < first[v + 1]; e++)
                if (level[edges[e]] < 0) {
                    level[edges[e]] = depth + 1;
                    marked[flag] = 1;
                }
        }
        weft_fence();
        weft_bar();
        if (!marked[flag])
            break;
        flag = next;
    }
}
