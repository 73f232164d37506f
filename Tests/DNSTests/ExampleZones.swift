/// A zone with one of everything that the responder treats in its own way.
let exampleZone = """
  $ORIGIN lab.test.
  $TTL 1h
  @         SOA    ns1 hostmaster 2024010101 2h 1h 2w 5m
            NS     ns1
            NS     ns.other.example.
            MX     10 mail
            TXT    "v=spf1 -all"
            CAA    0 issue "ca.example"
  ns1       A      192.0.2.1
            AAAA   2001:db8::1
  mail      A      192.0.2.2
  www       CNAME  web
  web       A      192.0.2.3
            A      192.0.2.4
  out       CNAME  www.other.example.
  dangling  CNAME  missing
  chain1    CNAME  chain2
  chain2    CNAME  chain3
  chain3    CNAME  www
  loop1     CNAME  loop2
  loop2     CNAME  loop1
  self      CNAME  self
  _imap._tcp SRV   0 1 143 mail
  deep.ent.in.here A 192.0.2.5
  *.wild    A      192.0.2.6
            MX     5 mail
  *.alias   CNAME  web
  *.inner.wild TXT "inner"
  sub       NS     ns.sub
            NS     ns1
            NS     ns.other.example.
            DS     1 13 2 00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF
  ns.sub    A      192.0.2.7
            AAAA   2001:db8::7
  tree      DNAME  elsewhere
  www.elsewhere A  192.0.2.8
  far       DNAME  other.example.
  tocut     CNAME  host.sub
  big       TXT    \((0..<20).map { "\"\($0)\(String(repeating: "x", count: 200))\"" }.joined(separator: " "))
  svc       SVCB   1 mail alpn=dot
  https     HTTPS  1 . alpn=h2
  UPPER     A      192.0.2.9

  """

/// RFC 4592 §2.2.1.
let wildcardZone = """
  $ORIGIN example.
  example.                 3600 IN  SOA   ns.example.com. hostmaster.example.com. 1 2 3 4 5
  example.                 3600     NS    ns.example.com.
  example.                 3600     NS    ns.example.net.
  *.example.               3600     TXT   "this is a wildcard"
  *.example.               3600     MX    10 host1.example.
  sub.*.example.           3600     TXT   "this is not a wildcard"
  host1.example.           3600     A     192.0.2.1
  _ssh._tcp.host1.example. 3600     SRV   0 0 22 host1.example.
  _ssh._tcp.host2.example. 3600     SRV   0 0 22 host2.example.
  subdel.example.          3600     NS    ns.example.com.
  subdel.example.          3600     NS    ns.example.net.

  """

/// RFC 1034 §6.1, the root and EDU, as far as its examples ask.
let rootZone = """
  .                 86400 IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400
                    86400 NS  A.ISI.EDU.
                    86400 NS  C.ISI.EDU.
                    86400 NS  SRI-NIC.ARPA.
  MIL.              86400 NS  SRI-NIC.ARPA.
                    86400 NS  A.ISI.EDU.
  EDU.              86400 NS  SRI-NIC.ARPA.
                    86400 NS  C.ISI.EDU.
  SRI-NIC.ARPA.     86400 A   26.0.0.73
                    86400 A   10.0.0.51
                    86400 MX  0 SRI-NIC.ARPA.
                    86400 HINFO DEC-2060 TOPS20
  ACC.ARPA.         86400 A   26.6.0.65
                    86400 HINFO PDP-11/70 UNIX
                    86400 MX  10 ACC.ARPA.
  USC-ISIC.ARPA.    86400 CNAME C.ISI.EDU.
  73.0.0.26.IN-ADDR.ARPA. 86400 PTR SRI-NIC.ARPA.
  A.ISI.EDU.        172800 A  26.3.0.103
  C.ISI.EDU.        172800 A  10.0.0.52

  """

let eduZone = """
  EDU.              86400 IN SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870729 1800 300 604800 86400
                    86400 NS  SRI-NIC.ARPA.
                    86400 NS  C.ISI.EDU.
  UCI.EDU.          172800 NS ICS.UCI.EDU.
                    172800 NS ROME.UCI.EDU.
  ICS.UCI.EDU.      172800 A  192.5.19.1
  ROME.UCI.EDU.     172800 A  192.5.19.31
  ISI.EDU.          172800 NS VAXA.ISI.EDU.
                    172800 NS A.ISI.EDU.
  VAXA.ISI.EDU.     172800 A  10.2.0.27
                    172800 A  128.9.0.33
  A.ISI.EDU.        172800 A  26.3.0.103

  """
