/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/render.h"

#include "libadit/core/error.h"
#include "libadit/core/ifname.h"
#include "policy-routing/dns-plan.h"
#include "policy-routing/numbers.h"

#include <string.h>
#include <sys/socket.h>

/* No rule stands in these files: one in a .network goes when its link goes, and the guard must
 * not. Rules and blackholes are aditd's; networkd has the link, and what needs the link. */

static void
file_free(AditNetworkdFile *file)
{
    g_free(file->name);
    adit_key_string_free(file->text);
    g_free(file);
}

static void
add_file(GPtrArray *files, char *name, char *text, gboolean secret)
{
    AditNetworkdFile *file = g_new0(AditNetworkdFile, 1);

    file->name = name;
    file->text = text;
    file->secret = secret;
    g_ptr_array_add(files, file);
}

static void
add_key(GPtrArray *files, char *name, const AditKey *key)
{
    char *text = adit_key_to_string(key);

    add_file(files, name, text, TRUE);
}

/* By the peer's key, not by its place: a peer that moves up keeps its file. */
static char *
preshared_name(const char *link, const AditProfilePeer *peer)
{
    GString *name = g_string_new(NULL);

    g_string_append_printf(name, "60-adit-%s-", link);
    for (guint i = 0; i < 8; i++)
        g_string_append_printf(name, "%02x", peer->public_key.bytes[i]);
    g_string_append(name, ".psk");
    return g_string_free(name, FALSE);
}

static char *
private_name(const char *link)
{
    return g_strdup_printf("60-adit-%s.key", link);
}

static void
add_keys(GPtrArray *files, const AditNetworkdGateway *gateway)
{
    const AditProfile *profile = gateway->profile;

    add_key(files, private_name(gateway->link), &profile->private_key);
    for (guint i = 0; i < profile->n_peers; i++)
        if (!adit_key_is_zero(&profile->peers[i].preshared_key))
            add_key(files, preshared_name(gateway->link, &profile->peers[i]),
                    &profile->peers[i].preshared_key);
}

static GString *
begin_file(void)
{
    return g_string_new(
        "# Written by adit, which writes it anew at every change: use drop-ins.\n");
}

static void
append_prefix(GString *out, const char *key, const AditPrefix *prefix)
{
    g_autofree char *text = adit_prefix_to_string(prefix);

    g_string_append_printf(out, "%s=%s\n", key, text);
}

static void
append_addr(GString *out, const char *key, const AditAddr *addr)
{
    g_autofree char *text = adit_addr_to_string(addr);

    g_string_append_printf(out, "%s=%s\n", key, text);
}

static void
append_peer(GString *out, const char *link, const AditProfilePeer *peer)
{
    g_autofree char *public_key = adit_key_to_string(&peer->public_key);

    g_string_append_printf(out, "\n[WireGuardPeer]\nPublicKey=%s\n", public_key);
    if (!adit_key_is_zero(&peer->preshared_key)) {
        g_autofree char *name = preshared_name(link, peer);

        g_string_append_printf(out, "PresharedKeyFile=%s/%s\n", ADIT_NETWORKD_FOLDER, name);
    }
    for (guint i = 0; i < peer->n_allowed; i++) {
        AditPrefix network = adit_prefix_network(&peer->allowed[i]);

        append_prefix(out, "AllowedIPs", &network);
    }
    if (peer->endpoint.host) {
        g_autofree char *endpoint = adit_endpoint_to_string(&peer->endpoint);

        g_string_append_printf(out, "Endpoint=%s\n", endpoint);
    }
    if (peer->keepalive)
        g_string_append_printf(out, "PersistentKeepalive=%u\n", peer->keepalive);
}

static char *
netdev_text(const AditNetworkdGateway *gateway)
{
    const AditProfile *profile = gateway->profile;
    g_autofree char *key = private_name(gateway->link);
    GString *out = begin_file();

    g_string_append_printf(out, "[NetDev]\nName=%s\nKind=wireguard\n", gateway->link);
    if (profile->mtu)
        g_string_append_printf(out, "MTUBytes=%u\n", profile->mtu);
    g_string_append_printf(out, "\n[WireGuard]\nPrivateKeyFile=%s/%s\n", ADIT_NETWORKD_FOLDER,
                           key);
    if (profile->listen_port)
        g_string_append_printf(out, "ListenPort=%u\n", profile->listen_port);
    g_string_append_printf(out, "FirewallMark=0x%x\n", ADIT_MARK_OUTER);
    for (guint i = 0; i < profile->n_peers; i++)
        append_peer(out, gateway->link, &profile->peers[i]);
    return g_string_free(out, FALSE);
}

/* Without servers nothing is said, and what networkd knows of other links stands. */
static void
append_dns(GString *out, const AditGateway *plan)
{
    g_autoptr(AditDnsPlan) dns = adit_dns_plan(plan);

    for (guint i = 0; i < dns->n_servers; i++)
        append_addr(out, "DNS", &dns->servers[i]);
    for (guint i = 0; dns->n_servers > 0 && dns->domains[i]; i++)
        g_string_append_printf(out, "Domains=%s\n", dns->domains[i]);
    g_string_append_printf(out, "DNSDefaultRoute=%s\n", dns->exclusive ? "yes" : "no");
}

/* Without the kernel's prefix route, which would lie in main. An IPv6 address stays deprecated
 * until its gateway is selected, or a home with a ULA-only uplink would send from it there. */
static void
append_addresses(GString *out, const AditNetworkdGateway *gateway)
{
    const AditProfile *profile = gateway->profile;

    for (guint i = 0; i < profile->n_addresses; i++) {
        gboolean ipv6 = profile->addresses[i].addr.family == AF_INET6;

        g_string_append(out, "\n[Address]\n");
        append_prefix(out, "Address", &profile->addresses[i]);
        g_string_append(out, "AddPrefixRoute=no\n");
        if (ipv6)
            g_string_append(out, "DuplicateAddressDetection=none\n");
        if (ipv6 && !gateway->selected[1])
            g_string_append(out, "PreferredLifetime=0\n");
    }
}

static const AditAddr *
own_address(const AditGateway *plan, guint8 family)
{
    for (guint i = 0; i < plan->n_addresses; i++)
        if (plan->addresses[i].family == family)
            return &plan->addresses[i];
    return NULL;
}

static gboolean
is_repeated(const AditGateway *plan, guint n)
{
    for (guint i = 0; i < n; i++)
        if (adit_prefix_cmp(&plan->routes[i], &plan->routes[n]) == 0)
            return TRUE;
    return FALSE;
}

/* The source said outright: of deprecated addresses the kernel would prefer one of the LAN. */
static void
append_routes(GString *out, const AditGateway *plan)
{
    for (guint i = 0; i < plan->n_routes; i++) {
        const AditAddr *source = own_address(plan, plan->routes[i].addr.family);

        if (is_repeated(plan, i))
            continue; /* two peers may carry one network */
        g_string_append(out, "\n[Route]\n");
        append_prefix(out, "Destination", &plan->routes[i]);
        if (source)
            append_addr(out, "PreferredSource", source);
        g_string_append_printf(out, "Table=%u\nMetric=%u\n", adit_gateway_table(plan),
                               ADIT_METRIC_MANAGER);
    }
}

/* A tunnel that is down must not hold up the boot. */
static void
append_network(GString *out, const AditNetworkdGateway *gateway, const char *link_words)
{
    g_autoptr(AditGateway) plan = adit_gateway_from_profile(gateway->link, gateway->slot,
                                                            gateway->link, gateway->profile);

    g_string_append_printf(out, "\n[Link]\nRequiredForOnline=no\n%s", link_words);
    g_string_append(out, "\n[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n");
    memcpy(plan->selected, gateway->selected, sizeof(plan->selected));
    append_dns(out, plan);
    append_addresses(out, gateway);
    append_routes(out, plan);
}

static char *
network_text(const AditNetworkdGateway *gateway)
{
    GString *out = begin_file();

    g_string_append_printf(out, "[Match]\nName=%s\n", gateway->link);
    append_network(out, gateway, "");
    return g_string_free(out, FALSE);
}

/* The kernel allows more; in [Match] a "*" would be a pattern and a "!" a denial. */
static gboolean
is_literal(const char *link)
{
    if (!adit_ifname_is_valid(link))
        return FALSE;
    for (const char *c = link; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
            return FALSE;
    return TRUE;
}

static gboolean
check(const AditNetworkdGateway *gateway, GError **error)
{
    if (!is_literal(gateway->link)) {
        g_autofree char *link = adit_error_quote(gateway->link);

        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: not a name systemd-networkd can be given: only letters, digits, '-', "
                    "'_' and '.'",
                    link);
        return FALSE;
    }
    if (!adit_gateway_slot_is_valid(gateway->slot)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: slot %u: not a gateway's",
                    gateway->link, gateway->slot);
        return FALSE;
    }
    return TRUE;
}

GPtrArray *
adit_networkd_render(const AditNetworkdGateway *gateway, GError **error)
{
    GPtrArray *files;

    if (!check(gateway, error))
        return NULL;
    files = g_ptr_array_new_with_free_func((GDestroyNotify)file_free);
    add_keys(files, gateway);
    add_file(files, g_strdup_printf("60-adit-%s.netdev", gateway->link), netdev_text(gateway),
             FALSE);
    add_file(files, g_strdup_printf("60-adit-%s.network", gateway->link), network_text(gateway),
             FALSE);
    return files;
}

char *
adit_networkd_adopted_head(const char *link)
{
    return g_strdup_printf(
        "# Written by adit, which has adopted %s: adit unadopt %s takes it away.\n", link,
        link);
}

char *
adit_networkd_adopted_network(const char *link)
{
    return g_strdup_printf(ADIT_NETWORKD_FIRST "%s.network", link);
}

static GString *
begin_adopted(const AditNetworkdGateway *gateway)
{
    g_autofree char *head = adit_networkd_adopted_head(gateway->link);

    return g_string_new(head);
}

/* A drop-in can add routes to a .network, but not take any back (before version 258); the first
 * file that matches a link is all that counts for it. */
GPtrArray *
adit_networkd_render_adopted(const AditNetworkdGateway *gateway, const char *netdev,
                             gboolean up, GError **error)
{
    GString *device, *link;
    GPtrArray *files;

    if (!check(gateway, error))
        return NULL;
    files = g_ptr_array_new_with_free_func((GDestroyNotify)file_free);
    device = begin_adopted(gateway);
    g_string_append_printf(device, "[WireGuard]\nFirewallMark=0x%x\n", ADIT_MARK_OUTER);
    link = begin_adopted(gateway);
    g_string_append_printf(link, "[Match]\nName=%s\n", gateway->link);
    append_network(link, gateway, up ? "" : "ActivationPolicy=always-down\n");
    add_file(files, g_strdup_printf("%s.d/" ADIT_NETWORKD_DROP_IN, netdev),
             g_string_free(device, FALSE), FALSE);
    add_file(files, adit_networkd_adopted_network(gateway->link), g_string_free(link, FALSE),
             FALSE);
    return files;
}
