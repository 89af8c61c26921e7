/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/settings.h"

#include "libadit/core/error.h"
#include "libadit/core/number.h"
#include "libadit/sys/settings-file.h"
#include "policy-routing/numbers.h"

#define BYPASS_MAX 16

typedef struct {
    int guard;
    int guard_action;
    gboolean networkd_guard;
    char *bypass_marks; /* "0x80000/0xff0000, ..." */
    AditPrefixList allowed_targets;
    int auto_adopt; /* AditAutoAdopt */
    gint64 hook_timeout;
    char *hook_user;
} Settings;

static const char *const guards[] = { "normal", "strict", NULL };
static const char *const actions[] = { "blackhole", "unreachable", NULL };

static const char *const adoptions[] = { "yes", "ask", "no", NULL };

static const AditSetting rows[] = {
    { "gateways", "auto-adopt", ADIT_SETTING_ENUM, G_STRUCT_OFFSET(Settings, auto_adopt), "yes",
      .words = adoptions },
    { "policy", "guard", ADIT_SETTING_ENUM, G_STRUCT_OFFSET(Settings, guard), "normal",
      .words = guards },
    { "policy", "guard-action", ADIT_SETTING_ENUM, G_STRUCT_OFFSET(Settings, guard_action),
      "blackhole", .words = actions },
    { "policy", "networkd-guard", ADIT_SETTING_BOOL, G_STRUCT_OFFSET(Settings, networkd_guard),
      "no" },
    { "policy", "bypass-marks", ADIT_SETTING_STRING, G_STRUCT_OFFSET(Settings, bypass_marks),
      "" },
    { "publish", "allowed-targets", ADIT_SETTING_PREFIXES,
      G_STRUCT_OFFSET(Settings, allowed_targets),
      "10.0.0.0/8, 100.64.0.0/10, 172.16.0.0/12, 192.168.0.0/16, fc00::/7" },
    { "hooks", "timeout", ADIT_SETTING_DURATION, G_STRUCT_OFFSET(Settings, hook_timeout), "30s",
      .min = 1, .max = 3600 },
    { "hooks", "user", ADIT_SETTING_STRING, G_STRUCT_OFFSET(Settings, hook_user),
      "adit-hooks" },
};
static const AditSettingTable table = { rows, G_N_ELEMENTS(rows), sizeof(Settings) };

/* As ip(8) writes marks: a number, or a number and a mask. */
static gboolean
parse_number(const char *text, guint32 *ret)
{
    const gboolean hex = g_ascii_strncasecmp(text, "0x", 2) == 0;
    guint64 value;

    if (!adit_number_parse(hex ? text + 2 : text, hex ? 16 : 10, 0, G_MAXUINT32, &value))
        return FALSE;
    *ret = (guint32)value;
    return TRUE;
}

static gboolean
parse_mark(const char *text, AditBypassMark *ret)
{
    g_auto(GStrv) parts = g_strsplit(text, "/", 2);

    ret->mask = G_MAXUINT32;
    return parts[0] && parse_number(g_strstrip(parts[0]), &ret->mark) &&
           (!parts[1] || parse_number(g_strstrip(parts[1]), &ret->mask)) && ret->mask != 0 &&
           (ret->mark & ~ret->mask) == 0;
}

static gboolean
parse_marks(const char *path, const char *text, GArray *ret, GError **error)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    for (guint i = 0; words[i]; i++) {
        AditBypassMark mark;
        const char *why = NULL;

        if (*g_strstrip(words[i]) == '\0')
            continue;
        if (!parse_mark(words[i], &mark))
            why = "not MARK or MARK/MASK";
        else if (mark.mask & ADIT_MARK_MASK)
            why = "its mask reaches into the bits of our own marks, 0x3f000000";
        else if (ret->len >= BYPASS_MAX)
            why = "more than 16 marks";
        if (why) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "%s: [policy] bypass-marks: %s: %s", path, words[i], why);
            return FALSE;
        }
        g_array_append_val(ret, mark);
    }
    return TRUE;
}

gboolean
adit_client_settings_load(const char *config_dir, AditPolicy *ret,
                          AditPrefixList *ret_allowed_targets, AditAutoAdopt *ret_auto_adopt,
                          GError **error)
{
    g_autofree char *path = g_build_filename(config_dir, "adit.conf", NULL);
    g_autoptr(GArray) marks = g_array_new(FALSE, TRUE, sizeof(AditBypassMark));
    Settings *settings = adit_settings_file_load(&table, path, error);
    AditPolicy policy = { 0 };

    if (!settings)
        return FALSE;
    policy.strict = settings->guard == 1;
    policy.guard = settings->guard_action == 1 ? ADIT_GUARD_UNREACHABLE : ADIT_GUARD_BLACKHOLE;
    policy.networkd_guard = settings->networkd_guard;
    if (parse_marks(path, settings->bypass_marks, marks, error)) {
        policy.n_bypass = marks->len;
        policy.bypass = (AditBypassMark *)g_array_free(g_steal_pointer(&marks), FALSE);
        *ret = policy;
        *ret_auto_adopt = (AditAutoAdopt)settings->auto_adopt;
        *ret_allowed_targets = settings->allowed_targets;
        settings->allowed_targets = (AditPrefixList){ 0 };
    }
    adit_settings_free(&table, settings);
    return marks == NULL;
}

gboolean
adit_hook_settings_load(const char *config_dir, AditHookSettings *ret, GError **error)
{
    g_autofree char *path = g_build_filename(config_dir, "adit.conf", NULL);
    Settings *settings = adit_settings_file_load(&table, path, error);

    if (!settings)
        return FALSE;
    ret->timeout = (guint)settings->hook_timeout;
    ret->user = g_strdup(settings->hook_user);
    adit_settings_free(&table, settings);
    return TRUE;
}

void
adit_hook_settings_clear(AditHookSettings *settings)
{
    g_clear_pointer(&settings->user, g_free);
}
