// Apache Kafka's own client behind a pipe: one command a line, one answer a line ("ok ..." or "error ...").
// Run from source: java -cp 'libs/*' KafkaCommands.java BROKERS. Bytes are hex after an x; null is null.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ConsumerGroupListing;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class KafkaCommands {
  private final String brokers;
  private final List<Future<RecordMetadata>> sent = new ArrayList<>();
  private KafkaProducer<byte[], byte[]> plain;
  private KafkaProducer<byte[], byte[]> transactional;
  private boolean inTransaction;

  private KafkaCommands(String brokers) {
    this.brokers = brokers;
  }

  public static void main(String[] args) throws Exception {
    KafkaCommands commands = new KafkaCommands(args[0]);
    BufferedReader input =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String answer;
      try {
        answer = "ok " + commands.run(line.split(" "));
      } catch (Exception error) {
        answer = "error " + error.toString().replace('\n', ' ');
      }
      System.out.println(answer);
    }
  }

  private String run(String[] words) throws Exception {
    switch (words[0]) {
      case "topic":
        return createTopic(words);
      case "grow":
        return grow(words);
      case "allow":
        return allow(words[1], words[2], words[3]);
      case "groups":
        return groups();
      case "commit-for":
        return commitFor(words[1], words[2]);
      case "add":
        return add(words);
      case "flush":
        return flush();
      case "begin":
        transactional().beginTransaction();
        inTransaction = true;
        return "";
      case "commit":
        transactional().commitTransaction();
        inTransaction = false;
        return "";
      case "abort":
        transactional().abortTransaction();
        inTransaction = false;
        return "";
      default:
        throw new IllegalArgumentException("unknown command");
    }
  }

  private String createTopic(String[] words) throws Exception {
    Map<String, String> settings = new HashMap<>();
    for (int at = 3; at < words.length; at++) {
      String[] pair = words[at].split("=", 2);
      settings.put(pair[0], pair[1]);
    }
    NewTopic topic = new NewTopic(words[1], Integer.parseInt(words[2]), (short) 1).configs(settings);
    try (Admin admin = admin()) {
      admin.createTopics(List.of(topic)).all().get();
    }
    return "";
  }

  private String grow(String[] words) throws Exception {
    NewPartitions count = NewPartitions.increaseTo(Integer.parseInt(words[2]));
    try (Admin admin = admin()) {
      admin.createPartitions(Map.of(words[1], count)).all().get();
    }
    return "";
  }

  private String allow(String user, String operation, String topic) throws Exception {
    ResourcePattern pattern = new ResourcePattern(ResourceType.TOPIC, topic, PatternType.LITERAL);
    AccessControlEntry entry =
        new AccessControlEntry(
            "User:" + user, "*", AclOperation.valueOf(operation), AclPermissionType.ALLOW);
    try (Admin admin = admin()) {
      admin.createAcls(List.of(new AclBinding(pattern, entry))).all().get();
    }
    return "";
  }

  // What takes its place is not there before Kafka 4.1.
  @SuppressWarnings({"deprecation", "removal"})
  private String groups() throws Exception {
    StringBuilder names = new StringBuilder();
    try (Admin admin = admin()) {
      for (ConsumerGroupListing group : admin.listConsumerGroups().all().get()) {
        names.append(group.groupId()).append(' ');
      }
    }
    return names.toString();
  }

  private String commitFor(String group, String topic) throws Exception {
    TopicPartition partition = new TopicPartition(topic, 0);
    try (Admin admin = admin()) {
      admin.alterConsumerGroupOffsets(group, Map.of(partition, new OffsetAndMetadata(0))).all().get();
    }
    return "";
  }

  private Admin admin() {
    Properties properties = new Properties();
    properties.put("bootstrap.servers", brokers);
    return Admin.create(properties);
  }

  private String add(String[] words) {
    ProducerRecord<byte[], byte[]> record =
        new ProducerRecord<>(words[1], Integer.valueOf(words[2]), bytes(words[3]), bytes(words[4]));
    for (int at = 5; at < words.length; at++) {
      String[] pair = words[at].split("=", 2);
      record.headers().add(new RecordHeader(pair[0], bytes(pair[1])));
    }
    sent.add((inTransaction ? transactional() : plain()).send(record));
    return "";
  }

  private String flush() throws Exception {
    (inTransaction ? transactional() : plain()).flush();
    StringBuilder offsets = new StringBuilder();
    for (Future<RecordMetadata> one : sent) {
      offsets.append(one.get().offset()).append(' ');
    }
    sent.clear();
    return offsets.toString();
  }

  private KafkaProducer<byte[], byte[]> plain() {
    if (plain == null) {
      plain = producer(new Properties());
    }
    return plain;
  }

  private KafkaProducer<byte[], byte[]> transactional() {
    if (transactional == null) {
      Properties properties = new Properties();
      properties.put("transactional.id", UUID.randomUUID().toString());
      transactional = producer(properties);
      transactional.initTransactions();
    }
    return transactional;
  }

  private KafkaProducer<byte[], byte[]> producer(Properties properties) {
    properties.put("bootstrap.servers", brokers);
    // Only flush sends, so that what was added goes as one batch.
    properties.put("linger.ms", "600000");
    properties.put("delivery.timeout.ms", "900000");
    properties.put("batch.size", "1048576");
    properties.put("max.request.size", "104857600");
    properties.put("buffer.memory", "134217728");
    return new KafkaProducer<>(properties, new ByteArraySerializer(), new ByteArraySerializer());
  }

  private static byte[] bytes(String text) {
    return text.equals("null") ? null : HexFormat.of().parseHex(text.substring(1));
  }
}
