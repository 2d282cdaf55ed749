// The two zlib functions that Verilator's FST writer calls, so that waves need no zlib1g-dev.
//
// Stored blocks only (RFC 1950, RFC 1951): a valid stream that is never smaller than its input.
// The writer keeps whichever is smaller, and what it gives to zlib is the small part of a file.
#pragma once

#include <cstdint>
#include <cstring>

using Bytef = unsigned char;
using uLong = unsigned long;
using uLongf = unsigned long;
constexpr int Z_OK = 0, Z_BUF_ERROR = -5;

inline uLong compressBound(uLong size) { return size + 5 * (size / 65535 + 1) + 6; }

inline int compress2(Bytef* out, uLongf* out_size, const Bytef* in, uLong size, int) {
    if (*out_size < compressBound(size)) return Z_BUF_ERROR;
    const Bytef* const start = out;
    *out++ = 0x78;
    *out++ = 0x01;
    uint32_t low = 1, high = 0;  // Adler-32
    for (uLong i = 0; i < size; ++i) {
        low = (low + in[i]) % 65521;
        high = (high + low) % 65521;
    }
    uLong rest = size;
    do {
        const uLong part = rest < 65535 ? rest : 65535;
        *out++ = part == rest;
        *out++ = Bytef(part);
        *out++ = Bytef(part >> 8);
        *out++ = Bytef(~part);
        *out++ = Bytef(~part >> 8);
        if (part) std::memcpy(out, in, part);
        out += part, in += part, rest -= part;
    } while (rest);
    for (const uint32_t half : {high, low}) {
        *out++ = Bytef(half >> 8);
        *out++ = Bytef(half);
    }
    *out_size = uLongf(out - start);
    return Z_OK;
}
