// swift-tools-version: 6.1
import PackageDescription

/// Every target is compiled with these. `Lifetimes` is what lets a reader hold a span (`docs/development.md`).
let settings: [SwiftSetting] = [
  .enableExperimentalFeature("Lifetimes"),
  .enableUpcomingFeature("ExistentialAny"),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let asn1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "_CryptoExtras", package: "swift-crypto")
let database = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let databaseInterface = Target.Dependency.product(name: "GRDBSQLite", package: "GRDB.swift")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")

/// A target of ours. The folder is the name unless `path` says otherwise.
func module(_ name: String, path: String? = nil, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(
    name: name, dependencies: dependencies, path: "Sources/\(path ?? name)", exclude: [], swiftSettings: settings)
}

/// The tests of a target, in `Tests/NAMETests`.
func tests(_ name: String, exclude: [String] = [], _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: "\(name)Tests", dependencies: dependencies, exclude: exclude, swiftSettings: settings)
}

let package = Package(
  name: "portside",
  products: [
    .executable(name: "portside", targets: ["portside"]),
    .library(
      name: "DNS", targets: ["DNSCore", "DNSSecurity", "DNSServer", "DNSClient", "DNSReplication", "DNSResolver"]),
    .library(name: "SSH", targets: ["SSHCore", "SSHServer", "SSHClient"]),
    .library(name: "SFTP", targets: ["SFTPCore", "SFTPServer", "SFTPClient"]),
    .library(name: "FTP", targets: ["FTPCore", "FTPData", "FTPServer", "FTPClient"]),
    .library(name: "SMTP", targets: ["SMTPCore", "SMTPServer", "SMTPClient"]),
    .library(name: "SASL", targets: ["SASLCore", "SASLServer"]),
    .library(name: "IMAP", targets: ["IMAPCore", "IMAPServer", "IMAPClient"]),
    .library(name: "Console", targets: ["ConsoleCore", "ConsoleServer"]),
    .library(name: "Telnet", targets: ["TelnetCore", "TelnetServer", "TelnetClient"]),
    .library(name: "HTTP", targets: ["HTTPCore", "HTTPServer", "HTTPClient"]),
    .library(name: "ACME", targets: ["ACMECore", "ACMEClient", "ACMEServer"]),
    .library(name: "POP3", targets: ["POP3Core", "POP3Server", "POP3Client"]),
    // For the nested package in Fuzz/, which builds it under the sanitizers.
    .library(name: "FuzzTargets", targets: ["FuzzTargets"]),
    .library(name: "TFTP", targets: ["TFTPCore", "TFTPServer", "TFTPClient"]),
    .library(name: "DHCP", targets: ["DHCPCore", "DHCPServer", "DHCPClient"]),
    .library(name: "RDP", targets: ["RDPCore", "RDPServer"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
    .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-crypto", "4.5.2"..<"5.0.0"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
  ],
  targets: [
    // The ground: no I/O, no clock, no log, no Foundation.
    module("WireKit"),
    module("Services", ["WireKit"]),

    // The system: what Glibc's module lacks, and libsodium for Argon2id.
    .target(name: "SystemShims", path: "Sources/SystemShims"),
    .systemLibrary(
      name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),

    // crypt(3): password hashes that accounts bring from other systems.
    .systemLibrary(name: "CCrypt", path: "Sources/CCrypt", providers: [.apt(["libcrypt-dev"])]),
    // DEFLATE in its three wrappings: HTTP's gzip, IMAP's COMPRESS, SSH's zlib, FTP's MODE Z.
    .systemLibrary(name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    // HTTP's other codings.
    .systemLibrary(name: "CZstd", path: "Sources/CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(
      name: "CBrotli", path: "Sources/CBrotli", pkgConfig: "libbrotlienc", providers: [.apt(["libbrotli-dev"])]),
    module("Compression", ["CZlib", "CZstd", "CBrotli"]),

    // Datagrams in batches, without NIO.
    module("Datagrams", ["WireKit", "SystemShims"]),

    // The parts that protocols stand on.
    module("Transport", ["WireKit", "Services", "SystemShims", "Compression", nioCore, nioPosix, nioSSL, nioTLS]),
    .target(
      name: "Files", dependencies: ["Services", "SystemShims"], exclude: ["README.md"], swiftSettings: settings),
    module("Configuration", ["WireKit", "Services"]),
    module("Operation", ["WireKit", "Services"]),
    module("Certificates", ["WireKit", "Services", asn1, x509, crypto, cryptoExtras]),
    module("Stores", ["WireKit", "Services", database]),
    module(
      "Gate",
      [
        "WireKit", "Services", "SystemSessions", "ConsoleCore", "CSodium", "CCrypt", collections, crypto, cryptoExtras,
        nioCore, nioPosix,
      ]),
    module("Supervision", ["WireKit", "Services", "SystemShims"]),
    // Sessions of the operating system's accounts: what is asked of the helper that runs as root, and the helper itself.
    .target(
      name: "SystemSessions", dependencies: ["Services", "SystemShims", crypto], exclude: ["README.md"],
      swiftSettings: settings),

    // What several protocols share.
    module("SASLCore", path: "SASL/Core", ["WireKit", crypto, cryptoExtras]),
    module("SASLServer", path: "SASL/Server", ["WireKit", "Services", "SASLCore"]),
    module("TokenCore", path: "Tokens/Core", ["ACMECore"]),
    // Mail: messages, and where they are kept.
    module("MessageCore", path: "Message/Core", ["WireKit"]),
    module("MailEngine", ["WireKit", "Services", "MessageCore"]),
    module(
      "MailStores",
      ["WireKit", "Services", "MessageCore", "MailEngine", "SystemShims", crypto, database, databaseInterface]),

    // Backups of all that a server keeps.
    .target(
      name: "Backup",
      dependencies: ["WireKit", "Services", "Compression", "CSodium", crypto, database], exclude: ["README.md"],
      swiftSettings: settings),

    // The protocols.
    module("DNSCore", path: "DNS/Core", ["WireKit", crypto]),
    module("DNSSecurity", path: "DNS/Security", ["WireKit", "DNSCore", crypto, cryptoExtras]),
    module(
      "DNSServer", path: "DNS/Server",
      ["WireKit", "Services", "SystemShims", "Transport", "DNSCore", "DNSSecurity", nioCore]),
    module("DNSClient", path: "DNS/Client", ["WireKit", "DNSCore", nioCore, nioPosix, nioSSL]),
    module(
      "DNSReplication", path: "DNS/Replication",
      ["WireKit", "Services", "DNSCore", "DNSSecurity", "DNSClient", "DNSServer", nioCore, nioPosix]),
    module(
      "DNSResolver", path: "DNS/Resolver",
      [
        "WireKit", "Services", "DNSCore", "DNSSecurity", "DNSClient", "DNSServer", "HTTPCore", "HTTPClient", nioCore,
        nioPosix, nioSSL,
      ]),
    module("HTTPCore", path: "HTTP/Core", ["WireKit"]),
    module(
      "HTTPServer", path: "HTTP/Server",
      [
        "WireKit", "Services", "SystemShims", "Compression", "Transport", "HTTPCore", crypto, nioCore, nioPosix, nioSSL,
        nioTLS,
      ]),
    module("HTTPClient", path: "HTTP/Client", ["WireKit", "HTTPCore", nioCore, nioPosix, nioSSL]),
    module("ACMECore", path: "ACME/Core", [crypto, cryptoExtras]),
    module(
      "ACMEServer", path: "ACME/Server",
      [
        "WireKit", "Services", "Transport", "ACMECore", "HTTPCore", "HTTPServer", "HTTPClient", crypto, nioCore,
        nioPosix,
      ]),
    module("ACMEClient", path: "ACME/Client", ["ACMECore", "HTTPCore", "HTTPClient", nioCore]),
    module("TFTPCore", path: "TFTP/Core", ["WireKit"]),
    module("TFTPServer", path: "TFTP/Server", ["WireKit", "Services", "SystemShims", "Datagrams", "TFTPCore"]),
    module("TFTPClient", path: "TFTP/Client", ["WireKit", "Datagrams", "TFTPCore"]),
    module("DHCPCore", path: "DHCP/Core", ["WireKit"]),
    module("DHCPClient", path: "DHCP/Client", ["WireKit", "Datagrams", "DHCPCore"]),
    module("DHCPServer", path: "DHCP/Server", [crypto, "WireKit", "Services", "SystemShims", "Datagrams", "DHCPCore"]),

    module("SieveCore", path: "Sieve/Core", ["MessageCore"]),

    module("SMTPCore", path: "SMTP/Core", ["WireKit", "SASLCore"]),
    module(
      "SMTPClient", path: "SMTP/Client",
      [
        "WireKit", "Services", "Transport", "SASLCore", "SMTPCore", "DNSCore", "DNSClient", crypto, x509, nioCore,
        nioPosix, nioSSL,
      ]),
    module(
      "SMTPServer", path: "SMTP/Server",
      [
        "WireKit", "Services", "Transport", "SASLCore", "SASLServer", "SMTPCore", "SMTPClient", crypto, cryptoExtras,
        nioCore, "SieveCore", "MessageCore", "Compression",
        "MilterCore", "MilterClient",
      ]),
    // Filters of others, by the milter protocol.
    module("MilterCore", path: "Milter/Core", ["WireKit"]),
    module(
      "MilterClient", path: "Milter/Client", ["WireKit", "Services", "Transport", "MilterCore", nioCore, nioPosix]),
    // What is published about mail domains: records, settings for programs.
    module("MailSetup", path: "MailSetup/Values", ["Services", "DNSCore", "SMTPCore"]),
    // ManageSieve.
    module("ManageSieveCore", path: "ManageSieve/Core", ["WireKit", "SASLCore"]),
    module(
      "ManageSieveServer", path: "ManageSieve/Server",
      ["WireKit", "Services", "Transport", "SASLServer", "SieveCore", "ManageSieveCore", nioCore]),
    module(
      "ManageSieveClient", path: "ManageSieve/Client",
      ["WireKit", "Services", "Transport", "SASLCore", "ManageSieveCore", nioCore, nioPosix, nioSSL]),
    module("IMAPCore", path: "IMAP/Core", ["WireKit", "SASLCore", "MessageCore"]),
    module(
      "IMAPServer", path: "IMAP/Server",
      ["WireKit", "Services", "Transport", "SASLCore", "SASLServer", "MessageCore", "IMAPCore", crypto, nioCore]),
    module("IMAPClient", path: "IMAP/Client", ["WireKit", "SASLCore", "IMAPCore", nioCore, nioPosix, nioSSL, nioTLS]),

    module("SSHCore", path: "SSH/Core", ["WireKit", "CSodium", "Compression", crypto, cryptoExtras]),
    module(
      "SSHServer", path: "SSH/Server",
      ["WireKit", "Services", "SystemShims", "Transport", "SSHCore", nioCore, nioPosix]),
    module("SSHClient", path: "SSH/Client", ["WireKit", "SSHCore", nioCore, nioPosix]),
    module("SFTPCore", path: "SFTP/Core", ["WireKit"]),
    module("SFTPClient", path: "SFTP/Client", ["WireKit", "SSHCore", "SSHClient"]),
    module(
      "SFTPServer", path: "SFTP/Server",
      ["WireKit", "Services", "Transport", "SSHCore", "SSHServer", "SFTPCore", crypto, nioCore, nioPosix]),
    module(
      "POP3Server", path: "POP3/Server",
      ["WireKit", "Services", "Transport", "SASLServer", "POP3Core", nioCore]),
    module(
      "POP3Client", path: "POP3/Client",
      ["WireKit", "Services", "Transport", "SASLCore", "POP3Core", nioCore, nioPosix, nioSSL]),

    module("POP3Core", path: "POP3/Core", ["WireKit", "SASLCore"]),

    // The console, and Telnet.
    module("ConsoleCore", path: "Console/Core", ["WireKit"]),
    module("ConsoleServer", path: "Console/Server", ["ConsoleCore"]),
    module("TelnetCore", path: "Telnet/Core", ["WireKit", "ConsoleCore"]),
    module(
      "TelnetServer", path: "Telnet/Server",
      ["WireKit", "Services", "Transport", "ConsoleCore", "ConsoleServer", "TelnetCore", nioCore]),
    module("TelnetClient", path: "Telnet/Client", ["WireKit", "TelnetCore", nioCore, nioPosix, nioSSL]),
    module("FTPCore", path: "FTP/Core", ["WireKit"]),
    module("FTPData", path: "FTP/Data", ["WireKit", nioCore, nioPosix, nioSSL, nioTLS]),
    module(
      "FTPServer", path: "FTP/Server",
      [
        "WireKit", "Services", "Transport", "Compression", "FTPCore", "FTPData", crypto, nioCore, nioPosix,
      ]),
    module("FTPClient", path: "FTP/Client", ["WireKit", "FTPCore", "FTPData", nioCore, nioPosix, nioSSL, nioTLS]),
    module("RDPCore", path: "RDP/Core", ["WireKit", crypto]),
    module(
      "RDPServer", path: "RDP/Server",
      ["WireKit", "Services", "SystemShims", "Transport", "RDPCore", nioCore, nioPosix]),

    // The program.
    .executableTarget(
      name: "portside",
      dependencies: [
        "WireKit", "Services", "SystemShims", "Transport", "Configuration", "Operation", "Certificates", "Stores",
        "Gate", "Supervision", "SystemSessions", "DNSCore", "DNSSecurity", "DNSServer", "DNSClient", "DNSReplication",
        "DNSResolver", "HTTPCore", "HTTPServer",
        "ACMECore", "ACMEClient", "ACMEServer", "TokenCore",
        "HTTPClient", "ConsoleCore", "ConsoleServer", "TelnetCore", "TelnetServer", "TelnetClient", "Files", "SSHCore",
        "SSHServer", "SSHClient", "SFTPServer", "SFTPClient", "FTPCore", "FTPServer", "FTPClient", "Datagrams",
        "DHCPCore", "DHCPServer", "DHCPClient", "TFTPCore", "TFTPServer", "TFTPClient", "SASLCore", "SMTPCore",
        "SMTPServer", "SMTPClient", "MailEngine", "RDPCore", "RDPServer", "Backup", argumentParser, crypto, nioCore,
        nioPosix,
        nioSSL, nioTLS, "SieveCore", "MailStores", "MessageCore", "POP3Core", "POP3Server", "POP3Client", "IMAPCore",
        "IMAPServer", "IMAPClient",
        "MailSetup", "ManageSieveCore", "ManageSieveServer", "ManageSieveClient", "MilterClient",
      ],
      swiftSettings: settings),

    // The tests.
    .executableTarget(
      name: "SSHFixture",
      dependencies: [
        "WireKit", "Services", "Transport", "Files", "SSHCore", "SSHServer", "SFTPServer", nioCore, nioPosix,
      ],
      path: "Tests/Fixtures/SSHFixture", swiftSettings: settings),
    .executableTarget(
      name: "NamesFixture",
      dependencies: ["WireKit", "Services", "Datagrams", "Stores", "TFTPCore", "TFTPServer", "DHCPCore", "DHCPServer"],
      path: "Tests/Fixtures/NamesFixture", swiftSettings: settings),
    module("TestKit", ["WireKit", "Services"]),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "WireKit", "Services", "TestKit", "Transport", "Configuration", "Certificates", "Gate", "DNSCore", "HTTPCore",
        "DNSSecurity",
        "ACMECore", "Files", "SSHCore", "SFTPCore", "SFTPServer", "ConsoleCore", "TelnetCore", nioCore, nioEmbedded,
        "DHCPCore",
        "TFTPCore", "FTPCore", "MessageCore", "POP3Core", "SASLCore", "SMTPCore", "SieveCore", "IMAPCore", "RDPCore",
        "Backup",
        "MailSetup", "ManageSieveCore", "MilterCore", "TokenCore",
      ],
      path: "Fuzz/Targets", swiftSettings: settings),
    tests("FuzzRegression", ["FuzzTargets"]),
    tests("Tidy", []),
    tests("WireKit", ["WireKit", "TestKit"]),
    tests("Message", ["MessageCore", "TestKit", "WireKit"]),
    .executableTarget(
      name: "MailFixture", dependencies: ["WireKit", "Services", "MailEngine", "MailStores"],
      path: "Tests/Fixtures/MailFixture", swiftSettings: settings),
    // Disks as a loss of power leaves them.
    .target(name: "PowerCutKit", path: "Tests/Fixtures/PowerCutKit", swiftSettings: settings),
    tests(
      "MailStores",
      ["MailStores", "MailEngine", "MailFixture", "PowerCutKit", "Services", "TestKit", "WireKit", database]),
    tests("Milter", ["MilterCore", "TestKit", "WireKit"]),
    tests("MailSetup", ["MailSetup", "SMTPCore", "DNSCore", "Services"]),
    tests("ManageSieve", ["ManageSieveCore", "ManageSieveServer", "SASLCore", "TestKit", "WireKit"]),
    tests("POP3", ["POP3Core", "SASLCore", "TestKit", "WireKit"]),
    tests("MailEngine", ["MailEngine", "Services", "TestKit", "WireKit"]),
    tests("Services", ["Services", "WireKit"]),
    tests("Compression", ["Compression"]),
    tests("Transport", ["Transport", "TestKit", "WireKit", "Services", nioCore, nioPosix, nioEmbedded, nioSSL]),
    tests("Configuration", exclude: ["Fixtures", "toml_oracle.py"], ["Configuration", "WireKit", "Services"]),
    tests("Operation", ["Operation", "TestKit", "WireKit", "Services"]),
    tests("Certificates", ["Certificates", "TestKit", "WireKit", "Services", x509, asn1, crypto, cryptoExtras]),
    tests("Stores", ["Stores", "TestKit", "WireKit", "Services", database]),
    tests(
      "Gate",
      ["Gate", "SystemSessions", "ConsoleCore", "SASLCore", "SASLServer", "TestKit", "WireKit", "Services", nioCore]),
    tests("Supervision", ["Supervision", "SupervisionFixture", "WireKit", "Services", "SystemShims"]),
    .executableTarget(
      name: "SupervisionFixture", dependencies: ["Supervision", "WireKit", "Services"],
      path: "Tests/Fixtures/SupervisionFixture", swiftSettings: settings),
    tests(
      "DNS", exclude: ["Vectors"],
      [
        "DNSCore", "DNSSecurity", "DNSServer", "DNSClient", "DNSReplication", "DNSResolver", "TestKit", "Transport",
        "WireKit", "Services", nioCore, nioPosix,
      ]),
    // The program as a process, over sockets, with real clients and hostile ones.
    .target(name: "LaboratoryKit", path: "Tests/Fixtures/LaboratoryKit", swiftSettings: settings),
    tests("System", exclude: ["Scripts"], ["LaboratoryKit", "portside"]),
    tests("Security", exclude: ["Scripts"], ["LaboratoryKit", "portside"]),
    tests("SASL", ["SASLCore"]),
    tests("Token", ["TokenCore", "ACMECore", crypto, cryptoExtras]),
    .testTarget(
      name: "SMTPInteropTests", dependencies: ["LaboratoryKit", "portside"], path: "Tests/InteropTests/SMTP",
      exclude: ["Scripts"], swiftSettings: settings),
    tests(
      "SMTP",
      [
        "SMTPCore", "SMTPServer", "SMTPClient", "SASLCore", "MailEngine", "Stores", "TestKit", "Transport", "Services",
        "WireKit", crypto, cryptoExtras,
      ]),
    // Its battery runs over OpenSSH's sftp-server as well.
    tests("Backup", ["Backup", "Services", "WireKit", database]),
    tests("Sieve", ["SieveCore"]),
    tests("SSH", ["SSHCore", "TestKit", "WireKit", crypto]),
    tests("SFTP", ["SFTPCore", "SFTPServer", "SSHCore", "Files", "TestKit", "Services", "WireKit"]),
    tests("Files", ["Files", "Services", "TestKit"]),
    .testTarget(
      name: "POP3InteropTests", dependencies: ["LaboratoryKit", "portside"], path: "Tests/InteropTests/POP3",
      exclude: ["peers.py"], swiftSettings: settings),
    tests("FTP", ["FTPCore", "TestKit", "WireKit"]),
    .testTarget(
      name: "FTPInteropTests", dependencies: ["LaboratoryKit", "portside"], path: "Tests/InteropTests/FTP",
      exclude: ["peers.py"], swiftSettings: settings),
    .testTarget(
      name: "TelnetInteropTests", dependencies: ["LaboratoryKit", "portside"], path: "Tests/InteropTests/Telnet",
      exclude: ["clients.py"], swiftSettings: settings),
    tests("Console", ["ConsoleCore", "ConsoleServer", "TestKit"]),
    tests("Telnet", ["TelnetCore", "ConsoleCore", "TestKit", "WireKit"]),
    .testTarget(
      name: "SSHInteropTests", dependencies: ["portside", "SSHFixture"], path: "Tests/InteropTests/SSH",
      exclude: ["fixture.py", "peers.py", "laboratory.py", "extras.py", "system.py", "badline.py"],
      swiftSettings: settings),
    .testTarget(
      name: "RDPInteropTests", dependencies: ["LaboratoryKit", "portside"], path: "Tests/InteropTests/RDP",
      exclude: ["screen.py", "clients.py"], swiftSettings: settings),
    tests("RDP", ["RDPCore", "TestKit", "WireKit", crypto]),
    // IMAP: a server over a store in memory, for tests and for real clients.
    .target(
      name: "IMAPKit",
      dependencies: [
        "WireKit", "Services", "Transport", "IMAPCore", "IMAPServer", "MailEngine", nioCore, nioPosix,
      ],
      path: "Tests/Fixtures/IMAPKit", swiftSettings: settings),
    .executableTarget(
      name: "IMAPFixture", dependencies: ["IMAPKit"], path: "Tests/Fixtures/IMAPFixture", swiftSettings: settings),
    tests(
      "IMAP",
      ["IMAPKit", "IMAPCore", "IMAPServer", "IMAPClient", "SASLCore", "MailEngine", "Services", "TestKit", "WireKit"]),
    .testTarget(
      name: "IMAPInteropTests", dependencies: ["LaboratoryKit", "portside"], path: "Tests/InteropTests/IMAP",
      exclude: ["Clients"], swiftSettings: settings),
    tests("TFTP", ["TFTPCore", "TFTPServer", "TFTPClient", "Datagrams", "TestKit", "WireKit", "Services"]),
    tests(
      "DHCP",
      [
        crypto, "DHCPCore", "DHCPServer", "Datagrams", "NamesFixture", "PowerCutKit", "TestKit", "WireKit", "Services",
        "Stores",
      ]),
    .target(name: "NamesKit", path: "Tests/InteropTests/NamesKit", swiftSettings: settings),
    .testTarget(
      name: "TFTPInteropTests",
      dependencies: ["NamesKit", "NamesFixture", "Datagrams", "TFTPClient", "TestKit", "WireKit"],
      path: "Tests/InteropTests/TFTP", swiftSettings: settings),
    .testTarget(
      name: "DNSReplicationInteropTests", dependencies: ["NamesKit", "portside"],
      path: "Tests/InteropTests/DNSReplication", exclude: ["authority.py", "replication.py", "servers.py"],
      swiftSettings: settings),
    .testTarget(
      name: "DHCPInteropTests", dependencies: ["NamesKit", "NamesFixture", "portside"], path: "Tests/InteropTests/DHCP",
      swiftSettings: settings),
    tests(
      "HTTP",
      [
        "HTTPCore", "HTTPServer", "HTTPClient", "TestKit", "Transport", "WireKit", "Services", "Files", nioCore,
        nioPosix,
        nioSSL,
      ]),
    tests("ACME", ["ACMECore", "ACMEServer", "WireKit"]),
    .testTarget(
      name: "HTTPInteropTests", dependencies: ["LaboratoryKit", "portside"], path: "Tests/InteropTests/HTTP",
      exclude: ["kit.py", "dav.py", "acme.py", "oracle.py", "scanners.py", "browser.py"], swiftSettings: settings),
  ],
  swiftLanguageModes: [.v6]
)
