"""A recording proxy in front of an LDAP server, and the same requests as python3-ldap3 and python3-pyasn1 make them."""
import socket
import threading

import ldap3
from ldap3.operation.search import search_operation
from ldap3.protocol.rfc2696 import RealSearchControlValue, paged_search_control
from ldap3.protocol.rfc4511 import Controls, LDAPMessage
from pyasn1.codec.ber import decoder, encoder


def again(message, filters):
    """The bytes that ldap3 makes of a decoded request; of a search with each of these filters, as texts."""
    if message["protocolOp"].getName() != "searchRequest":
        return [encoder.encode(message)]
    asked, out = message["protocolOp"]["searchRequest"], []
    for text in filters:
        made = LDAPMessage()
        made["messageID"] = message["messageID"]
        made["protocolOp"]["searchRequest"] = search_operation(
            str(asked["baseObject"]), text, {0: ldap3.BASE, 1: ldap3.LEVEL, 2: ldap3.SUBTREE}[int(asked["scope"])], ldap3.DEREF_NEVER,
            [str(name) for name in asked["attributes"]], int(asked["sizeLimit"]), int(asked["timeLimit"]), False, None, None)
        if is_paged(message):
            page, _ = decoder.decode(bytes(message["controls"][0]["controlValue"]), asn1Spec=RealSearchControlValue())
            made["controls"] = Controls()
            made["controls"][0] = paged_search_control(False, int(page["size"]), bytes(page["cookie"]))
        out.append(encoder.encode(made))
    return out


def is_paged(message):
    return message["controls"].isValue and len(message["controls"]) == 1


class Wire:
    def __init__(self, port):
        self.target, self.sent = port, []  # bytes of each connection, as the client sent them
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            record = bytearray()
            self.sent.append(record)
            threading.Thread(target=self.copy, args=(client, server, record), daemon=True).start()
            threading.Thread(target=self.copy, args=(server, client, bytearray()), daemon=True).start()

    @staticmethod
    def copy(source, sink, record):
        try:
            while data := source.recv(65536):
                record += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def messages(self):
        """(decoded, bytes) of each request."""
        out = []
        for record in self.sent:
            rest = bytes(record)
            while rest:
                message, behind = decoder.decode(rest, asn1Spec=LDAPMessage())
                out.append((message, rest[:len(rest) - len(behind)]))
                rest = behind
        return out

    def close(self):
        self.listener.close()
