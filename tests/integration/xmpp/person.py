"""Somebody at an XMPP client: person.py JID PASSWORD PORT CA_FILE (needs Debian's python3-slixmpp)

Goes into every room that they are invited to. Prints what they see as lines of JSON, and does what lines of JSON on the standard input
say: {"do": "say", "room": …, "text": …}, "join", "leave", "look".
"""
import asyncio
import json
import sys

import slixmpp


def tell(what, **more):
    print(json.dumps({"what": what, **more}), flush=True)


class Client(slixmpp.ClientXMPP):
    def __init__(self, jid, password, ca):
        super().__init__(jid, password)
        self.ca_certs = ca
        for plugin in ("xep_0030", "xep_0045", "xep_0249", "xep_0199"):
            self.register_plugin(plugin)
        self.add_event_handler("session_start", self.begin)
        self.add_event_handler("groupchat_direct_invite", self.invited)
        self.add_event_handler("groupchat_message", self.group)
        self.add_event_handler("groupchat_subject", lambda m: tell("subject", room=m["from"].bare, text=m["subject"], by=m["from"].resource))
        self.add_event_handler("message", self.direct)
        self.add_event_handler("message_error", lambda m: tell("refused", room=m["from"].bare, condition=m["error"]["condition"]))
        self.add_event_handler("presence_error", lambda p: tell("refused", room=p["from"].bare, condition=p["error"]["condition"]))
        self.add_event_handler("groupchat_presence", self.present)
        self.add_event_handler("failed_auth", lambda _: tell("failed"))

    async def begin(self, _):
        self.send_presence()
        await self.get_roster()
        tell("online")

    def join(self, room):
        # Not join_muc_wait: it is not in every version, and a refusal comes as presence_error.
        self.plugin["xep_0045"].join_muc(room, self.boundjid.user, maxhistory="20")

    def invited(self, message):
        room = str(message["groupchat_invite"]["jid"])
        tell("invited", room=room, by=message["from"].bare, reason=message["groupchat_invite"]["reason"])
        self.join(room)

    def group(self, message):
        tell("message", room=message["from"].bare, text=message["body"], by=message["from"].resource, id=message["id"])

    def direct(self, message):
        if message["type"] in ("chat", "normal") and message["body"]:
            tell("direct", by=str(message["from"]), text=message["body"])

    def present(self, presence):
        codes = sorted(int(code) for code in presence["muc"]["status_codes"])
        tell("presence", room=presence["from"].bare, nick=presence["from"].resource, type=presence["type"], role=presence["muc"]["role"],
             affiliation=presence["muc"]["affiliation"], codes=codes)

    def command(self):
        line = sys.stdin.readline()
        if not line:
            return self.disconnect()
        wanted = json.loads(line)
        if wanted["do"] == "say":
            self.send_message(mto=wanted["room"], mbody=wanted["text"], mtype="groupchat")
        elif wanted["do"] == "join":
            self.join(wanted["room"])
        elif wanted["do"] == "leave":
            self.plugin["xep_0045"].leave_muc(wanted["room"], self.boundjid.user)
        elif wanted["do"] == "look":
            asyncio.ensure_future(self.look(wanted["room"]))

    async def look(self, room):
        """What the room says about itself."""
        try:
            info = (await self.plugin["xep_0030"].get_info(room))["disco_info"]
            described = [value.text for field in info.xml.iter("{jabber:x:data}field") if field.get("var") == "muc#roominfo_description"
                         for value in field.iter("{jabber:x:data}value")]
            tell("info", room=room, name=[one[3] for one in info["identities"]][0], features=sorted(info["features"]), description=(described or [""])[0])
        except slixmpp.exceptions.IqError as error:
            tell("info", room=room, condition=error.condition)


client = Client(sys.argv[1], sys.argv[2], sys.argv[4])
client.connect(("127.0.0.1", int(sys.argv[3])))
client.loop.add_reader(sys.stdin, client.command)
client.process(forever=False)
