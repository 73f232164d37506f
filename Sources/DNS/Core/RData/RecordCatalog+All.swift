extension RecordCatalog {
  /// One row for each file in `Records/`.
  static let allSchemas: [RecordSchema] = [
    .a, .ns, .cname, .soa, .mb, .mg, .mr, .ptr, .hinfo, .minfo, .mx, .txt, .rp, .afsdb, .x25, .rt, .sig, .key, .px,
    .gpos, .aaaa,
    .loc, .srv, .naptr, .kx, .cert, .dname, .apl, .ds, .sshfp, .rrsig, .nsec, .dnskey, .dhcid, .nsec3, .nsec3param,
    .tlsa, .smimea, .cds, .cdnskey, .openpgpkey, .csync, .zonemd, .svcb, .https, .spf, .nid, .l32, .l64, .lp, .eui48,
    .eui64, .uri, .caa,
  ]
}
