import DNSCore
import WireKit

/// What replication keeps on disk, for whoever reads it while no server runs.
public enum ReplicationFiles {
  /// The zone file of another server's zone.
  public static func copy(of apex: Name, in folder: String) -> String {
    "\(folder)/copies/\(StoredFiles.name(apex.lowercased.description)).zone"
  }

  /// What updates brought into a zone.
  public static func updates(of apex: Name, in folder: String) throws(WireError) -> [ResourceRecord] {
    try UpdateStore(folder: folder + "/updates").load(apex)
  }
}
