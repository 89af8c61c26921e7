/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/setup.h"

#include "libadit/core/error.h"
#include "tunnel-server/edit.h"

#include <string.h>
#include <sys/socket.h>

gboolean
adit_setup_find_prefix(const AditServerFacts *facts, AditPrefix *ret)
{
    for (guint i = 0; i < facts->n_wan_prefixes - facts->n_deprecated; i++) {
        const AditPrefix *prefix = &facts->wan_prefixes[i];

        if (prefix->addr.family == AF_INET6 && prefix->len <= 124 &&
            adit_addr_is_global(&prefix->addr)) {
            *ret = adit_prefix_network(prefix);
            return TRUE;
        }
    }
    return FALSE;
}

static const AditPrefix *
wan6(const AditServerFacts *facts)
{
    for (guint i = 0; i < facts->n_wan_prefixes; i++)
        if (facts->wan_prefixes[i].addr.family == AF_INET6)
            return &facts->wan_prefixes[i];
    return NULL;
}

void
adit_setup_doubt_prefix(const AditPrefix *prefix, const AditServerFacts *facts,
                        GPtrArray *notes)
{
    const AditPrefix *own = wan6(facts);
    g_autofree char *text = adit_prefix_to_string(prefix);
    g_autofree char *hop = own ? adit_addr_to_string(&own->addr) : g_strdup("this machine");

    if (adit_server_facts_is_on_link(facts, &prefix->addr))
        return;
    g_ptr_array_add(
        notes, g_strdup_printf("%s is not on the link of %s: it works only if your provider "
                               "routes it to %s; whether it does cannot be seen from here",
                               text, facts->wan, hop));
}

static gboolean
set_endpoint(AditModel *model, const char *text, GError **error)
{
    g_autofree char *with_port = g_strdup_printf("%s:%u", text, model->listen_port);
    g_auto(AditEndpoint) endpoint = { 0 };

    if (!adit_endpoint_parse(text, &endpoint, NULL) &&
        !adit_endpoint_parse(with_port, &endpoint, error)) {
        g_prefix_error(error, "--endpoint: ");
        return FALSE;
    }
    g_free(model->endpoint);
    model->endpoint = adit_endpoint_to_string(&endpoint);
    return TRUE;
}

static gboolean
set_wan(AditModel *model, const char *wan, GError **error)
{
    if (strlen(wan) >= ADIT_NAME_LEN || strpbrk(wan, "/ ")) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "--wan: not an interface name");
        return FALSE;
    }
    g_free(model->wan);
    model->wan = g_strdup(wan);
    return TRUE;
}

static gboolean
has_network(const AditModel *model, const char *network)
{
    guint at;

    return adit_edit_find_subnet(model, network, &at, NULL);
}

/* "auto" is a wish, a prefix an order. */
static gboolean
is_automatic(const AditSetup *setup, gboolean is_first)
{
    return g_str_equal(setup->ipv6, "auto") || (is_first && !*setup->ipv6);
}

/* What the IPv6 block will be, as far as it can be said yet; len 0: there is none. */
static AditPrefix
wished_prefix(const AditSetup *setup, gboolean is_first)
{
    const AditPrefix none = { 0 };
    AditPrefix net = none;

    if (is_automatic(setup, is_first))
        return adit_setup_find_prefix(setup->facts, &net) ? net : none;
    return adit_prefix_parse(setup->ipv6, &net, NULL) && net.addr.family == AF_INET6
               ? adit_prefix_network(&net)
               : none;
}

/* Why it is no /24. */
static void
note_small(const AditSetup *setup, const AditNetworkWish *wish, const AditPrefix *net)
{
    g_autofree char *net4 = adit_prefix_to_string(net);
    g_autofree char *net6 = adit_prefix_to_string(&wish->net6);
    const guint room = (1U << (32 - net->len)) - 3;

    if (net->len > 24)
        g_ptr_array_add(setup->notes,
                        g_strdup_printf("the tunnel's network is %s, with room for %u %s: in a "
                                        "larger one this server's address of %s would be that "
                                        "of the provider's router or of this machine",
                                        net4, room, room == 1 ? "device" : "devices", net6));
}

static gboolean
add_network(AditModel *model, const AditSetup *setup, gboolean is_first, GError **error)
{
    const AditNetworkWish wish = { setup->facts, wished_prefix(setup, is_first), setup->dice };
    AditPrefix net;
    g_autofree char *text = NULL;

    if (*setup->network)
        return has_network(model, setup->network) ||
               adit_edit_add_subnet(model, setup->network, "", error);
    if (model->subnets->len > 0)
        return TRUE;
    if (!adit_edit_suggest_network(model, &wish, &net)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "no free network in 10.59.0.0/16: name one by --subnet");
        return FALSE;
    }
    note_small(setup, &wish, &net);
    text = adit_prefix_to_string(&net);
    return adit_edit_add_subnet(model, text, "", error);
}

static gboolean
keep(AditModel *model, const AditSetup *setup, const AditPrefix *before)
{
    adit_edit_keep_old(model, 0, before, setup->until_s);
    return TRUE;
}

static gboolean
set_prefix(AditModel *model, const AditSetup *setup, gboolean is_first, GError **error)
{
    AditSubnet *subnet = g_ptr_array_index(model->subnets, 0);
    const AditPrefix before = subnet->net6;
    const gboolean automatic = is_automatic(setup, is_first);
    g_autofree char *found = NULL;
    AditPrefix net;

    if (!*setup->ipv6 && !is_first)
        return TRUE;
    if (g_str_equal(setup->ipv6, "none"))
        return adit_edit_set_ipv6(model, subnet->name, "", &net, error) &&
               keep(model, setup, &before);
    if (automatic && (!setup->has_ipv6 || !adit_setup_find_prefix(setup->facts, &net))) {
        g_ptr_array_add(setup->notes,
                        g_strdup_printf("no public IPv6 network on %s: devices get IPv4 only, "
                                        "until adit-server subnet set-ipv6 %s --prefix PREFIX",
                                        setup->facts->wan, subnet->name));
        return TRUE;
    }
    if (!setup->has_ipv6) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: this machine has no IPv6 default route: nothing would reach it",
                    setup->ipv6);
        return FALSE;
    }
    found = automatic ? adit_prefix_to_string(&net) : g_strdup(setup->ipv6);
    if (!adit_edit_set_ipv6(model, subnet->name, found, &net, error))
        return FALSE;
    subnet->auto6 = automatic;
    keep(model, setup, &before);
    adit_setup_doubt_prefix(&net, setup->facts, setup->notes);
    return TRUE;
}

gboolean
adit_setup_edit(AditModel *model, gpointer data, GError **error)
{
    const AditSetup *setup = data;
    gboolean is_first = adit_key_is_zero(&model->private_key);

    if (is_first)
        model->private_key = setup->fresh_key;
    return (!*setup->endpoint || set_endpoint(model, setup->endpoint, error)) &&
           (!*setup->wan || set_wan(model, setup->wan, error)) &&
           add_network(model, setup, is_first, error) &&
           set_prefix(model, setup, is_first, error);
}
