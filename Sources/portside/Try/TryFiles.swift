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

    \(network(domain: domain, data: data))
    [http]
    on           = ["here"]
    port         = 10080
    tls_port     = 10443
    default_site = "www.\(domain)"
    redirect_to_https = false
    sites        = { "www.\(domain)" = "\(data)/site", "srv.\(domain)" = "\(data)/site" }

    \(access(data: data))
    \(mail(domain: domain))
    \(desktop)
    [admin]
    on       = ["here"]
    tls_port = 18443

    [metrics]
    on   = ["here"]
    port = 19464

    """
  }

  /// DHCP, TFTP: relays are served only, as no client asks on such a port.
  private static func network(domain: String, data: String) -> String {
    """
    [dhcp]
    on       = ["here"]
    port     = 10067
    register = "\(domain)"
    probe    = false                      # every address of 127.0.0.0/8 answers

    [dhcp.subnet."127.0.0.0/8"]
    pool   = "127.67.0.100-127.67.0.199"
    dns    = ["127.0.0.1"]
    lease  = "1h"
    boot   = { bios = "undionly.kpxe", efi64 = "ipxe.efi", script = "boot.ipxe" }

    [dhcp.reserve]
    plotter = { mac = "02:00:00:00:00:21", ip = "127.67.0.21" }

    [tftp]
    on         = ["here"]
    port       = 10069
    read       = "\(data)/tftp"
    write      = "\(data)/backups/{device}"
    write_from = ["127.0.0.0/8"]

    """
  }

  private static func access(data: String) -> String {
    """
    [ssh]
    on         = ["here"]
    port       = 10022
    shell      = "os"
    forwarding = true
    sftp       = { root = "\(data)/files/shared", home = "\(data)/files/home/{account}" }

    [ftp]
    on        = ["here"]
    port      = 10021
    tls_port  = 10990
    data_port = 0
    tls       = "optional"
    clear_commands = true
    plaintext = true
    passive   = { ports = "52000-52999" }

    [telnet]
    enabled   = true
    on        = ["here"]
    port      = 10023
    tls_port  = 10992
    plaintext = true

    """
  }

  private static func mail(domain: String) -> String {
    """
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

    [sieve]
    on        = ["here"]
    port      = 14190
    plaintext = true

    """
  }

  private static let desktop = """
    [rdp]
    on       = ["here"]
    port     = 13389
    security = "either"
    session  = "shell"

    """

  static func zone(domain: String) -> String {
    """
    $ORIGIN \(domain).
    $TTL 300
    @       IN SOA srv hostmaster ( 1 3600 600 604800 60 )
            IN NS  srv
            IN MX  10 srv
            IN TXT "v=spf1 mx -all"
    srv     IN A   127.0.0.1
            IN AAAA ::1
    www     IN CNAME srv
    mail    IN A   127.0.0.1
    ftp     IN CNAME srv
    printer IN A   127.0.0.20
    *.dev   IN A   127.0.0.1

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

  /// What iPXE runs once it is loaded.
  static func bootScript(domain: String) -> String {
    """
    #!ipxe
    echo Portside boots ${net0/mac} at ${net0/ip}: this script came by TFTP from the folder tftp of \(domain)
    sleep 5
    exit

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
