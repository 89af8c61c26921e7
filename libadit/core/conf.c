/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/conf.h"

#include "libadit/core/error.h"

#include <sodium.h>
#include <string.h>

/* Lines are cut in place in one copy of the file, the arena, which tokens point into. An error
 * never shows the text of a line: it may be a key that lost its "PrivateKey =". */

typedef struct {
    const char *name;
    guint line;
    const char *section; /* NULL before the first header */
    guint section_no;
    GArray *tokens;
} Reader;

static gboolean
fail(const Reader *reader, GError **error, const char *why)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: %s", reader->name, reader->line,
                why);
    return FALSE;
}

/* What comes from a stranger's file is shown on terminals: no escape sequences, C1 (as UTF-8)
 * included. */
static gboolean
has_control(const char *line, gsize len)
{
    for (gsize i = 0; i < len; i++) {
        guint8 c = line[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return TRUE;
        if (c == 0xc2 && i + 1 < len && (guint8)line[i + 1] < 0xa0)
            return TRUE;
    }
    return FALSE;
}

static gboolean
check_line(const Reader *reader, const char *line, gsize len, GError **error)
{
    if (len > ADIT_CONF_LINE_MAX)
        return fail(reader, error, "line too long");
    if (memchr(line, '\0', len))
        return fail(reader, error, "NUL byte");
    if (!g_utf8_validate_len(line, len, NULL))
        return fail(reader, error, "not valid UTF-8");
    if (has_control(line, len))
        return fail(reader, error, "control character");
    return TRUE;
}

/* Of keys and section names. Longer ones do not exist, and a bare WireGuard key, which ends in
 * '=', must not pass for the name of a setting. */
static gboolean
is_name(const char *text)
{
    gsize len = strlen(text);

    if (len == 0 || len > ADIT_CONF_NAME_MAX)
        return FALSE;
    for (gsize i = 0; i < len; i++)
        if (!g_ascii_isalnum(text[i]) && !strchr("-_.", text[i]))
            return FALSE;
    return TRUE;
}

static void
add_token(Reader *reader, const char *key, const char *value)
{
    const AditConfToken token = { .line = reader->line,
                                  .section = reader->section,
                                  .section_no = reader->section_no,
                                  .key = key,
                                  .value = value };

    g_array_append_val(reader->tokens, token);
}

static gboolean
read_header(Reader *reader, char *line, GError **error)
{
    char *last = line + strlen(line) - 1, *name = line + 1;

    if (*last != ']')
        return fail(reader, error, "section header without its bracket");
    *last = '\0';
    if (!is_name(g_strstrip(name)))
        return fail(reader, error, "not the name of a section");
    reader->section = name;
    reader->section_no++;
    add_token(reader, NULL, "");
    return TRUE;
}

static gboolean
read_pair(Reader *reader, char *line, GError **error)
{
    char *equals = strchr(line, '=');

    if (equals)
        *equals = '\0';
    if (!equals || !is_name(g_strchomp(line)))
        return fail(reader, error, "neither [Section] nor Key = Value");
    if (!reader->section)
        return fail(reader, error, "a setting before the first [Section]");
    add_token(reader, line, g_strstrip(equals + 1));
    return TRUE;
}

/* @line ends in NUL, where its newline was. */
static gboolean
read_line(Reader *reader, char *line, gsize len, GError **error)
{
    char *comment;

    if (len > 0 && line[len - 1] == '\r')
        line[--len] = '\0';
    if (!check_line(reader, line, len, error))
        return FALSE;
    /* As wg(8) and wg-quick(8) do: anywhere, quoting unknown, and ';' is no comment. */
    comment = strchr(line, '#');
    if (comment)
        *comment = '\0';
    g_strstrip(line);
    if (line[0] == '\0')
        return TRUE;
    return line[0] == '[' ? read_header(reader, line, error) : read_pair(reader, line, error);
}

static gboolean
read_lines(Reader *reader, char *text, gsize len, GError **error)
{
    static const char bom[] = "\xef\xbb\xbf";
    char *end = text + len, *line = text;

    if (len >= 3 && memcmp(text, bom, 3) == 0)
        line += 3;
    while (line < end) {
        char *newline = memchr(line, '\n', end - line);
        char *stop = newline ?: end;

        *stop = '\0'; /* the arena is one byte longer than the file */
        reader->line++;
        if (!read_line(reader, line, stop - line, error))
            return FALSE;
        line = stop + 1;
    }
    return TRUE;
}

AditConf *
adit_conf_parse(const char *name, const char *bytes, gsize len, GError **error)
{
    g_autoptr(AditConf) conf = g_new0(AditConf, 1);
    g_autoptr(GArray) tokens = g_array_new(FALSE, FALSE, sizeof(AditConfToken));
    Reader reader = { .name = name, .tokens = tokens };

    conf->arena = g_malloc(len + 1);
    conf->arena_len = len + 1;
    if (len > 0)
        memcpy(conf->arena, bytes, len);
    if (!read_lines(&reader, conf->arena, len, error))
        return NULL;

    conf->n_tokens = tokens->len;
    conf->tokens = (AditConfToken *)g_array_steal(tokens, NULL);
    return g_steal_pointer(&conf);
}

void
adit_conf_free(AditConf *conf)
{
    if (!conf)
        return;
    sodium_memzero(conf->arena, conf->arena_len);
    g_free(conf->arena);
    g_free(conf->tokens);
    g_free(conf);
}
