/* A picture of a few spheres in the light of a sun, with shadows; a ray through every pixel.

   The camera stands at 0 and looks along -z; the picture is 2 wide at distance `zoom`. Square roots
   and divisions are the exact ones, so the picture is the same on every machine that rounds each
   step. */
#include "weft.h"

struct vector {
    float x, y, z;
};

struct sphere {
    struct vector centre;
    float radius;
    struct vector colour; /* 0 to 1 */
};

struct scene {
    int height, width, count;
    float zoom;
    struct vector sun; /* direction to it, length 1 */
};

#define NEAR 0.001f /* a ray does not hit the point that it starts from */

WEFT_INLINE struct vector along(struct vector from, float far, struct vector way)
{
    return (struct vector){from.x + far * way.x, from.y + far * way.y, from.z + far * way.z};
}

WEFT_INLINE float dot(struct vector a, struct vector b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

/* How far a ray of direction `way`, length 1, goes until it hits a sphere; -1 if it does not. */
WEFT_INLINE float distance(const struct sphere *sphere, struct vector from, struct vector way)
{
    struct vector to = along(from, -1, sphere->centre);
    float b = dot(to, way);
    float under = b * b - (dot(to, to) - sphere->radius * sphere->radius);
    if (under < 0)
        return -1;
    return -b - __builtin_sqrtf(under);
}

WEFT_INLINE uint8_t byte(float value)
{
    return (int)(__builtin_fminf(value, 1) * 255);
}

WEFT_KERNEL void ray_tracer(
    const struct scene *scene, const struct sphere *spheres, uint8_t *picture)
{
    int height = scene->height, width = scene->width;

    int threads = weft_global_dim_x();
    for (int pixel = weft_global_x(); pixel < height * width; pixel += threads) {
        struct vector eye = {0, 0, 0}, way;
        way.x = (2 * (pixel % width) + 1 - width) / (float)width;
        way.y = (height - 1 - 2 * (pixel / width)) / (float)width;
        way.z = -scene->zoom;
        way = along(eye, 1 / __builtin_sqrtf(dot(way, way)), way);

        const struct sphere *hit = 0;
        float nearest = 1e30f;
        for (int s = 0; s < scene->count; s++) {
            float far = distance(&spheres[s], eye, way);
            if (far > NEAR && far < nearest) {
                nearest = far;
                hit = &spheres[s];
            }
        }

        /* The sky is white at the horizon and blue above. */
        struct vector colour = {1 - 0.5f * way.y, 1 - 0.25f * way.y, 1};
        if (hit) {
            struct vector point = along(eye, nearest, way);
            struct vector normal = along(point, -1, hit->centre);
            float light = dot(normal, scene->sun) / hit->radius;
            for (int s = 0; s < scene->count && light > 0; s++)
                if (distance(&spheres[s], point, scene->sun) > NEAR)
                    light = 0;
            float shade = 0.2f + 0.8f * __builtin_fmaxf(light, 0);
            colour = along(eye, shade, hit->colour);
        }
        picture[3 * pixel] = byte(colour.x);
        picture[3 * pixel + 1] = byte(colour.y);
        picture[3 * pixel + 2] = byte(colour.z);
    }
}
