/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/json.h"

void
adit_json_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    if (value)
        json_builder_add_string_value(builder, value);
    else
        json_builder_add_null_value(builder);
}

void
adit_json_int(JsonBuilder *builder, const char *name, gint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, value);
}

void
adit_json_bool(JsonBuilder *builder, const char *name, gboolean value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

void
adit_json_addr(JsonBuilder *builder, const char *name, const AditAddr *addr)
{
    g_autofree char *text = adit_addr_is_set(addr) ? adit_addr_to_string(addr) : NULL;

    adit_json_string(builder, name, text);
}

void
adit_json_prefix(JsonBuilder *builder, const char *name, const AditPrefix *prefix)
{
    g_autofree char *text =
        adit_addr_is_set(&prefix->addr) ? adit_prefix_to_string(prefix) : NULL;

    adit_json_string(builder, name, text);
}

void
adit_json_prefixes(JsonBuilder *builder, const char *name, const AditPrefix *prefixes, guint n)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (guint i = 0; i < n; i++) {
        g_autofree char *text = adit_prefix_to_string(&prefixes[i]);

        json_builder_add_string_value(builder, text);
    }
    json_builder_end_array(builder);
}

void
adit_json_public_key(JsonBuilder *builder, const char *name, const AditKey *key)
{
    g_autofree char *text = adit_key_is_zero(key) ? NULL : adit_key_to_string(key);

    adit_json_string(builder, name, text);
}

void
adit_json_secret(JsonBuilder *builder, const char *name, const AditKey *key)
{
    adit_json_string(builder, name, adit_key_is_zero(key) ? NULL : "(hidden)");
}

void
adit_json_own_key(JsonBuilder *builder, const AditKey *private_key)
{
    AditKey public_key = { 0 };

    if (!adit_key_is_zero(private_key))
        adit_key_public(private_key, &public_key);
    adit_json_public_key(builder, "public-key", &public_key);
    adit_json_secret(builder, "private-key", private_key);
}

static void
add_strings(JsonBuilder *builder, const char *name, char *const *strings)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (guint i = 0; strings[i]; i++)
        json_builder_add_string_value(builder, strings[i]);
    json_builder_end_array(builder);
}

static void
add_table(JsonBuilder *builder, const AditProfile *profile)
{
    switch (profile->table_mode) {
    case ADIT_TABLE_AUTO: adit_json_string(builder, "table", "auto"); break;
    case ADIT_TABLE_OFF: adit_json_string(builder, "table", "off"); break;
    case ADIT_TABLE_NUMBER: adit_json_int(builder, "table", profile->table); break;
    }
}

static void
add_hooks(JsonBuilder *builder, const AditProfile *profile)
{
    json_builder_set_member_name(builder, "hooks");
    json_builder_begin_array(builder);
    for (guint i = 0; i < profile->n_hooks; i++) {
        json_builder_begin_object(builder);
        adit_json_int(builder, "line", profile->hooks[i].line);
        adit_json_string(builder, "key", profile->hooks[i].key);
        adit_json_string(builder, "command", profile->hooks[i].command);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void
add_profile_peer(JsonBuilder *builder, const AditProfilePeer *peer)
{
    g_autofree char *endpoint =
        peer->endpoint.host ? adit_endpoint_to_string(&peer->endpoint) : NULL;

    json_builder_begin_object(builder);
    adit_json_public_key(builder, "public-key", &peer->public_key);
    adit_json_secret(builder, "preshared-key", &peer->preshared_key);
    adit_json_string(builder, "endpoint", endpoint);
    adit_json_int(builder, "persistent-keepalive", peer->keepalive);
    adit_json_prefixes(builder, "allowed-ips", peer->allowed, peer->n_allowed);
    json_builder_end_object(builder);
}

static void
add_dns(JsonBuilder *builder, const AditProfile *profile)
{
    json_builder_set_member_name(builder, "dns");
    json_builder_begin_array(builder);
    for (guint i = 0; i < profile->n_dns; i++) {
        g_autofree char *text = adit_addr_to_string(&profile->dns[i]);

        json_builder_add_string_value(builder, text);
    }
    json_builder_end_array(builder);
}

void
adit_json_add_profile(JsonBuilder *builder, const AditProfile *profile)
{
    json_builder_begin_object(builder);
    adit_json_own_key(builder, &profile->private_key);
    adit_json_prefixes(builder, "addresses", profile->addresses, profile->n_addresses);
    add_dns(builder, profile);
    add_strings(builder, "search", profile->search);
    adit_json_int(builder, "mtu", profile->mtu);
    adit_json_int(builder, "listen-port", profile->listen_port);
    adit_json_int(builder, "fwmark", profile->fwmark);
    add_table(builder, profile);
    adit_json_bool(builder, "save-config", profile->save_config);
    add_hooks(builder, profile);
    json_builder_set_member_name(builder, "peers");
    json_builder_begin_array(builder);
    for (guint i = 0; i < profile->n_peers; i++)
        add_profile_peer(builder, &profile->peers[i]);
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

char *
adit_json_to_text(JsonBuilder *builder)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_string(root, TRUE);

    return g_strconcat(text, "\n", NULL);
}

char *
adit_json_profile(const AditProfile *profile)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    adit_json_add_profile(builder, profile);
    return adit_json_to_text(builder);
}
