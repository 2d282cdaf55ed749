// The two LZ4 functions that Verilator's FST writer calls, so that waves need no liblz4-dev.
//
// Greedy matching over one hash table; the output is plain LZ4 block format
// (https://github.com/lz4/lz4/blob/dev/doc/lz4_Block_format.md): sequences of
//     token | literal length... | literals | offset (2 bytes, little-endian) | match length...
// in which the last five bytes are literals and no match starts within the last twelve.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

inline int LZ4_compressBound(int size) { return size + size / 255 + 16; }

inline int LZ4_compress_default(const char* source, char* target, int size, int capacity) {
    if (capacity < LZ4_compressBound(size)) return 0;
    const auto* in = reinterpret_cast<const uint8_t*>(source);
    auto* out = reinterpret_cast<uint8_t*>(target);
    constexpr int BITS = 14, NONE = -65536;
    std::vector<int> table(1 << BITS, NONE);
    const auto word = [in](int at) {
        uint32_t value;
        std::memcpy(&value, in + at, 4);
        return value;
    };
    const auto length = [&out](int rest) {  // what did not fit into four bits of the token
        for (; rest >= 255; rest -= 255) *out++ = 255;
        *out++ = uint8_t(rest);
    };
    const auto literals = [&](int from, int count, int match) {
        *out++ = uint8_t((count < 15 ? count : 15) << 4 | (match < 15 ? match : 15));
        if (count >= 15) length(count - 15);
        if (count) std::memcpy(out, in + from, size_t(count));
        out += count;
    };
    int anchor = 0;
    for (int at = 0; at < size - 12;) {
        const uint32_t hash = word(at) * 2654435761u >> (32 - BITS);
        const int candidate = table[hash];
        table[hash] = at;
        if (at - candidate > 65535 || word(candidate) != word(at)) {
            ++at;
            continue;
        }
        int match = 4;
        while (at + match < size - 5 && in[candidate + match] == in[at + match]) ++match;
        literals(anchor, at - anchor, match - 4);
        *out++ = uint8_t(at - candidate);
        *out++ = uint8_t((at - candidate) >> 8);
        if (match - 4 >= 15) length(match - 4 - 15);
        at += match;
        anchor = at;
    }
    literals(anchor, size - anchor, 0);
    return int(out - reinterpret_cast<uint8_t*>(target));
}
