/// The contents of the files that `portside try` makes.
enum TryFiles {
  /// How the configuration begins.
  static let mark = "# Made by `portside try`"

  /// The configuration: the same language and the same program as `portside serve`, only on loopback and on high ports.
  static func configuration(domain: String, data: String) -> String {
    """
    \(mark), for this machine alone. Delete the folder to start again.

    [server]
    hostname = "srv.\(domain)"
    data     = "\(data)"
    key      = "file:\(data)/key"

    [listen]
    here = ["127.0.0.1"]

    [tls]
    issuer = "internal-ca"

    [auth]
    penalty = { exempt = ["127.0.0.0/8"] }

    [roles]
    admin = ["all"]
    staff = ["mail", "files:home", "rdp", "web:self"]

    [dns]
    on       = ["here"]
    port     = 10053
    tls_port = 10853
    zones    = ["\(domain)", "127.in-addr.arpa"]

    [http]
    on           = ["here"]
    port         = 10080
    tls_port     = 10443
    default_site = "www.\(domain)"
    redirect_to_https = false
    sites        = { "www.\(domain)" = "\(data)/site", "srv.\(domain)" = "\(data)/site" }

    [smtp]
    on               = ["here"]
    port             = 10025
    submission_port  = 10587
    submissions_port = 10465
    domains          = ["\(domain)"]
    plaintext        = true

    [imap]
    on        = ["here"]
    port      = 10143
    tls_port  = 10993
    plaintext = true

    [pop3]
    on        = ["here"]
    port      = 10110
    tls_port  = 10995
    plaintext = true

    [metrics]
    on   = ["here"]
    port = 19464

    """
  }

  static func zone(domain: String) -> String {
    """
    $ORIGIN \(domain).
    $TTL 300
    @       IN SOA srv hostmaster ( 1 3600 600 604800 60 )
            IN NS  srv
            IN MX  10 mail
            IN TXT "v=spf1 mx -all"
    srv     IN A   127.0.0.1
            IN AAAA ::1
    www     IN CNAME srv
    mail    IN A   127.0.0.1
    ftp     IN CNAME srv
    printer IN A   127.0.0.20
    *.dev   IN A   127.0.0.1
    _imaps._tcp       IN SRV 0 1 993 mail
    _submissions._tcp IN SRV 0 1 465 mail

    """
  }

  static func reverseZone(domain: String) -> String {
    """
    $ORIGIN 127.in-addr.arpa.
    $TTL 300
    @       IN SOA srv.\(domain). hostmaster.\(domain). ( 1 3600 600 604800 60 )
            IN NS  srv.\(domain).
    1.0.0   IN PTR srv.\(domain).
    20.0.0  IN PTR printer.\(domain).

    """
  }

  static func page(domain: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width">
    <title>Portside answers</title>
    <style>
      :root { color-scheme: light dark; font: 1.1rem/1.6 system-ui, sans-serif; }
      body { max-width: 40rem; margin: 4rem auto; padding: 0 1rem; }
      code { font-size: .95em; }
    </style>
    <h1>Portside answers</h1>
    <p>This page comes from the <code>site</code> folder of the data that <code>portside try</code> made
    for <strong>\(domain)</strong>. Change it, and reload.</p>
    <p><a href="about/">About this laboratory</a></p>
    </html>

    """
  }

  static func about(domain: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <meta charset="utf-8">
    <title>About \(domain)</title>
    <h1>About \(domain)</h1>
    <p>Everything here listens on loopback only, with random passwords and a private certificate authority.</p>
    <p><a href="../">Back</a></p>
    </html>

    """
  }
}
