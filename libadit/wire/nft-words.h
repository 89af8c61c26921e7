/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/nft.h"

#include <netinet/in.h> /* before the kernel's own */

#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <linux/rtnetlink.h>

/* The words a blueprint is written with. For the .c file of a blueprint only: they are short.
 *
 *     { "gate", "no longer open", { MASK_IS(CT_MARK, BIT, BIT), COUNT, DROP } },
 *
 * Fields stand without their ADIT_NFT_ prefix. */

#define F1(a) ADIT_NFT_##a
#define F2(a, b) ADIT_NFT_##a, ADIT_NFT_##b
#define F3(a, b, c) ADIT_NFT_##a, ADIT_NFT_##b, ADIT_NFT_##c
#define F4(a, b, c, d) ADIT_NFT_##a, ADIT_NFT_##b, ADIT_NFT_##c, ADIT_NFT_##d
#define PICK_F(a, b, c, d, pick, ...) pick
#define FIELDS(...)                                                                            \
    {                                                                                          \
        PICK_F(__VA_ARGS__, F4, F3, F2, F1, )(__VA_ARGS__)                                     \
    }

#define IS(f, v)                                                                               \
    {                                                                                          \
        ADIT_NFT_IS, FIELDS(f), .value = (v)                                                   \
    }
#define IS_NAME(f, text)                                                                       \
    {                                                                                          \
        ADIT_NFT_IS, FIELDS(f), .name = (text)                                                 \
    } /* "lo", "ff00::/8" */
#define NOT_NAME(f, text)                                                                      \
    {                                                                                          \
        ADIT_NFT_NOT, FIELDS(f), .name = (text)                                                \
    }
#define BETWEEN(f, low, high)                                                                  \
    {                                                                                          \
        ADIT_NFT_BETWEEN, FIELDS(f), .mask = (low), .value = (high)                            \
    }
#define HAS(f, flags)                                                                          \
    {                                                                                          \
        ADIT_NFT_HAS, FIELDS(f), .mask = (flags)                                               \
    }
#define MASK_IS(f, m, v)                                                                       \
    {                                                                                          \
        ADIT_NFT_MASK_IS, FIELDS(f), .mask = (m), .value = (v)                                 \
    }
#define MASK_NOT(f, m, v)                                                                      \
    {                                                                                          \
        ADIT_NFT_MASK_NOT, FIELDS(f), .mask = (m), .value = (v)                                \
    }
#define IN(set, ...)                                                                           \
    {                                                                                          \
        ADIT_NFT_IN, FIELDS(__VA_ARGS__), .name = (set)                                        \
    }
#define NOT_IN(set, ...)                                                                       \
    {                                                                                          \
        ADIT_NFT_NOT_IN, FIELDS(__VA_ARGS__), .name = (set)                                    \
    }
#define KNOWN(map, ...)                                                                        \
    {                                                                                          \
        ADIT_NFT_KNOWN, FIELDS(__VA_ARGS__), .name = (map)                                     \
    }
#define BITS(f, m, v)                                                                          \
    {                                                                                          \
        ADIT_NFT_BITS, FIELDS(f), .mask = (m), .value = (v)                                    \
    }
#define WRITE(f, map, ...)                                                                     \
    {                                                                                          \
        ADIT_NFT_WRITE, FIELDS(__VA_ARGS__), ADIT_NFT_##f, .name = (map)                       \
    }
#define DNAT_BY(map, ...)                                                                      \
    {                                                                                          \
        ADIT_NFT_DNAT, FIELDS(__VA_ARGS__), .name = (map)                                      \
    }
#define MARK_AND_DNAT_BY(bits, map, ...)                                                       \
    {                                                                                          \
        ADIT_NFT_DNAT, FIELDS(__VA_ARGS__), .name = (map), .mask = (bits), .value = (bits)     \
    }
#define SNAT_BY(map, ...)                                                                      \
    {                                                                                          \
        ADIT_NFT_SNAT, FIELDS(__VA_ARGS__), .name = (map)                                      \
    }
#define LEARN(map, f, ...)                                                                     \
    {                                                                                          \
        ADIT_NFT_LEARN, FIELDS(__VA_ARGS__), ADIT_NFT_##f, .name = (map)                       \
    }
#define NOTE(set, ...)                                                                         \
    {                                                                                          \
        ADIT_NFT_LEARN, FIELDS(__VA_ARGS__), .name = (set)                                     \
    }
#define FORGET(map, f, ...)                                                                    \
    {                                                                                          \
        ADIT_NFT_FORGET, FIELDS(__VA_ARGS__), ADIT_NFT_##f, .name = (map)                      \
    }
#define MASQUERADE                                                                             \
    {                                                                                          \
        ADIT_NFT_MASQUERADE                                                                    \
    }
#define CLAMP_MSS                                                                              \
    {                                                                                          \
        ADIT_NFT_CLAMP_MSS                                                                     \
    }
#define COUNT                                                                                  \
    {                                                                                          \
        ADIT_NFT_COUNT                                                                         \
    }
#define ACCEPT                                                                                 \
    {                                                                                          \
        ADIT_NFT_ACCEPT                                                                        \
    }
#define DROP                                                                                   \
    {                                                                                          \
        ADIT_NFT_DROP                                                                          \
    }
#define RESET                                                                                  \
    {                                                                                          \
        ADIT_NFT_RESET                                                                         \
    }
#define RETURN                                                                                 \
    {                                                                                          \
        ADIT_NFT_RETURN                                                                        \
    }
#define JUMP(chain)                                                                            \
    {                                                                                          \
        ADIT_NFT_JUMP, .name = (chain)                                                         \
    }
#define GOTO(chain)                                                                            \
    {                                                                                          \
        ADIT_NFT_GOTO, .name = (chain)                                                         \
    }

#define NEW NF_CT_STATE_BIT(IP_CT_NEW)
#define ESTABLISHED NF_CT_STATE_BIT(IP_CT_ESTABLISHED)
#define RELATED NF_CT_STATE_BIT(IP_CT_RELATED)
#define INVALID NF_CT_STATE_INVALID_BIT
#define ORIGINAL 0
#define REPLY 1
#define IPV4 IS(NFPROTO, NFPROTO_IPV4)
#define IPV6 IS(NFPROTO, NFPROTO_IPV6)
#define UDP IS(L4PROTO, IPPROTO_UDP)
#define TCP IS(L4PROTO, IPPROTO_TCP)
