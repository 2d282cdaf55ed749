/* GELU in the form with tanh, of BERT and GPT-2:

       y = x / 2 (1 + tanh u),   u = sqrt(2 / pi) (x + 0.044715 x^3)

   (1 + tanh u) / 2 is 1 / (1 + exp(-2 u)), and exp(v) = 2^(v log2 e): one power and one
   reciprocal. */
#include "weft.h"

#define SQRT_2_PI 0.797884561f
#define LOG2_E 1.44269504f

WEFT_KERNEL void gelu(int n, const float *x, float *y)
{
    int threads = weft_global_dim_x();
    for (int i = weft_global_x(); i < n; i += threads) {
        float v = x[i];
        float u = v + 0.044715f * v * v * v;
        y[i] = v * weft_rcp(1 + weft_exp2(u * (-2 * SQRT_2_PI * LOG2_E)));
    }
}
