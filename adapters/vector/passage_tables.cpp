#include "adapters/vector/passage_tables.hpp"

#include "adapters/vector/fts.hpp"

namespace troupe::vector_detail {
namespace {

constexpr std::int64_t schema_version = 1;

/// `place` is a store's number as a word (`s17`), so that the full-text index itself finds a
/// store's rows: a search in a small store does not walk through the others'. The words are an
/// external content table: the text is kept once.
constexpr const char* tables = R"(
create table if not exists passage_meta(name text primary key, value text not null);
create table if not exists passage_store(number integer primary key autoincrement,
                                         id text not null unique);
create table if not exists passage(id integer primary key,
                                   place text not null,
                                   file text not null,
                                   ordinal integer not null,
                                   heading text not null,
                                   text text not null,
                                   vector blob not null);
create unique index if not exists passage_by_file on passage(place, file, ordinal);
create virtual table if not exists passage_words using fts5(
  place, heading, text, content='passage', content_rowid='id', tokenize='troupe');
insert or ignore into passage_meta(name, value) values('schema', '1');
)";

std::int64_t stored_version(connection& on) {
  auto exists = on.prepare("select 1 from sqlite_master where name='passage_meta'");
  if (!exists.step()) return 0;
  auto version = on.prepare("select cast(value as integer) from passage_meta where name='schema'");
  return version.step() ? version.integer(0) : 0;
}

} // namespace

std::string place_word(std::int64_t number) {
  std::string word(1, 's');
  return word += std::to_string(number);
}

void prepare_connection(connection& on) {
  sqlite3_busy_timeout(on.raw(), 10'000);
  on.execute("pragma journal_mode=wal; pragma synchronous=full");
  if (!register_fts(on.raw())) throw sqlite_failure{SQLITE_ERROR, "SQLite was built without FTS5"};
}

result<done> make_tables(connection& on) {
  transaction all(on);
  if (stored_version(on) > schema_version)
    return fail(errc::version, "the passage index was written by a newer program");
  on.execute(tables);
  all.commit();
  return done{};
}

passage_writer::passage_writer(connection& on)
    : on_(on),
      find_store_(on.prepare("select number from passage_store where id=?1")),
      add_store_(on.prepare("insert into passage_store(id) values(?1)")),
      erase_store_(on.prepare("delete from passage_store where id=?1")),
      select_file_(
          on.prepare("select id,place,heading,text from passage where place=?1 and file=?2")),
      erase_file_(on.prepare("delete from passage where place=?1 and file=?2")),
      select_store_(on.prepare("select id,place,heading,text from passage where place=?1")),
      erase_rows_(on.prepare("delete from passage where place=?1")),
      select_some_(on.prepare("select id,place,heading,text from passage where place=?1"
                              " order by file,ordinal limit ?2")),
      erase_some_(on.prepare("delete from passage where id in (select id from passage where"
                             " place=?1 order by file,ordinal limit ?2)")),
      insert_(on.prepare("insert into passage(place,file,ordinal,heading,text,vector)"
                         " values(?1,?2,?3,?4,?5,?6)")),
      insert_words_(on.prepare("insert into passage_words(rowid,place,heading,text)"
                               " values(?1,?2,?3,?4)")),
      delete_words_(on.prepare("insert into passage_words(passage_words,rowid,place,heading,text)"
                               " values('delete',?1,?2,?3,?4)")) {
  auto count = on.prepare("select count(*) from passage");
  if (count.step()) rows_ = count.integer(0);
}

std::string passage_writer::place_of(const std::string& store, bool make) {
  {
    const reset_guard guard(find_store_);
    if (find_store_.bind(1, store).step()) return place_word(find_store_.integer(0));
  }
  if (!make) return {};
  add_store_.bind(1, store).run();
  return place_word(sqlite3_last_insert_rowid(on_.raw()));
}

/// Takes the rows out of the words (which must be told what they held), then out of the table.
std::int64_t passage_writer::remove_where(statement& select, statement& erase) {
  {
    const reset_guard guard(select);
    while (select.step())
      delete_words_.bind(1, select.integer(0))
          .bind(2, select.text(1))
          .bind(3, select.text(2))
          .bind(4, select.text(3))
          .run();
  }
  erase.run();
  return sqlite3_changes64(on_.raw());
}

std::int64_t passage_writer::put(const std::string& store, const std::string& file,
                                 const std::vector<passage>& passages, const embedder& vectors) {
  transaction all(on_);
  const auto place = place_of(store, true);
  select_file_.bind(1, place).bind(2, file);
  erase_file_.bind(1, place).bind(2, file);
  const auto removed = remove_where(select_file_, erase_file_);
  std::int64_t bytes = 0;
  for (const auto& each : passages) {
    const auto vector = vectors.embed(each.heading + '\n' + each.text);
    const auto vector_bytes = vector.size() * sizeof(float);
    insert_.bind(1, place)
        .bind(2, file)
        .bind(3, static_cast<std::int64_t>(each.ordinal))
        .bind(4, each.heading)
        .bind(5, each.text)
        .bind_blob(6, vector.data(), vector_bytes)
        .run();
    insert_words_.bind(1, sqlite3_last_insert_rowid(on_.raw()))
        .bind(2, place)
        .bind(3, each.heading)
        .bind(4, each.text)
        .run();
    bytes += static_cast<std::int64_t>(each.heading.size() + each.text.size() + vector_bytes);
  }
  all.commit();
  rows_ += static_cast<std::int64_t>(passages.size()) - removed;
  return bytes;
}

void passage_writer::remove_file(const std::string& store, const std::string& file) {
  transaction all(on_);
  const auto place = place_of(store, false);
  std::int64_t removed = 0;
  if (!place.empty()) {
    select_file_.bind(1, place).bind(2, file);
    erase_file_.bind(1, place).bind(2, file);
    removed = remove_where(select_file_, erase_file_);
  }
  all.commit();
  rows_ -= removed;
}

void passage_writer::remove_store(const std::string& store) {
  transaction all(on_);
  const auto place = place_of(store, false);
  std::int64_t removed = 0;
  if (!place.empty()) {
    select_store_.bind(1, place);
    erase_rows_.bind(1, place);
    removed = remove_where(select_store_, erase_rows_);
    erase_store_.bind(1, store).run();
  }
  all.commit();
  rows_ -= removed;
}

purge_step passage_writer::purge_store(const std::string& store, std::uint32_t max) {
  transaction all(on_);
  const auto place = place_of(store, false);
  std::int64_t removed = 0;
  if (!place.empty()) {
    select_some_.bind(1, place).bind(2, std::int64_t{max});
    erase_some_.bind(1, place).bind(2, std::int64_t{max});
    removed = remove_where(select_some_, erase_some_);
    if (removed < max) erase_store_.bind(1, store).run();
  }
  all.commit();
  rows_ -= removed;
  return {static_cast<std::uint64_t>(removed), removed == max};
}

} // namespace troupe::vector_detail
