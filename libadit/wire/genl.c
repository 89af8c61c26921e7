/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/genl.h"

#include <linux/genetlink.h>
#include <string.h>

static const AditAttrType ctrl_types[] = {
    [CTRL_ATTR_FAMILY_ID] = { ADIT_ATTR_U16 },
    [CTRL_ATTR_FAMILY_NAME] = { ADIT_ATTR_STRING },
};

void
adit_genl_begin(AditMsg *m, guint16 family, guint16 flags, guint8 cmd, guint8 version)
{
    const struct genlmsghdr header = { .cmd = cmd, .version = version };

    adit_msg_begin(m, family, flags, &header, sizeof(header));
}

/* genl ctrl get name wireguard */
void
adit_genl_resolve_put(AditMsg *m, const char *name)
{
    adit_genl_begin(m, GENL_ID_CTRL, NLM_F_ACK, CTRL_CMD_GETFAMILY, 1);
    adit_msg_string(m, CTRL_ATTR_FAMILY_NAME, name);
}

gboolean
adit_genl_resolve_get(const struct nlmsghdr *nlh, const char *name, guint16 *ret_family)
{
    const struct nlattr *tb[G_N_ELEMENTS(ctrl_types)];
    const struct genlmsghdr *header = NLMSG_DATA(nlh);
    const char *text;
    gsize len;
    guint16 family;

    if (nlh->nlmsg_type != GENL_ID_CTRL || nlh->nlmsg_len < NLMSG_LENGTH(GENL_HDRLEN))
        return FALSE;
    if (header->cmd != CTRL_CMD_NEWFAMILY)
        return FALSE;
    if (!adit_attrs_parse_msg(nlh, GENL_HDRLEN, ctrl_types, G_N_ELEMENTS(tb), tb))
        return FALSE;

    text = adit_attr_data(tb[CTRL_ATTR_FAMILY_NAME], &len);
    family = adit_attr_u16(tb[CTRL_ATTR_FAMILY_ID]);
    if (text == NULL || strcmp(text, name) != 0 || family <= GENL_ID_CTRL)
        return FALSE;

    *ret_family = family;
    return TRUE;
}
