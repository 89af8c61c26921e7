/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/span.h"

AditSpan
adit_span_find(guint n_had, guint n_want, AditSpanSame same, gconstpointer data)
{
    AditSpan span = { 0, n_had, n_want };

    while (span.first < MIN(n_had, n_want) && same(span.first, span.first, data))
        span.first++;
    while (span.first < MIN(span.end_had, span.end_want) &&
           same(span.end_had - 1, span.end_want - 1, data)) {
        span.end_had--;
        span.end_want--;
    }
    return span;
}
