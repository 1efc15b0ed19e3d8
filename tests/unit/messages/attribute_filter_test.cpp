// Goal: a filter says of a file's attributes exactly what OpenAI's says, and one that cannot be
// understood is refused by the path of what is wrong. Method: small tables of filters and
// attributes; each bound once within and once past it.
#include "messages/codec/attribute_filter.hpp"

#include "messages/base/limits.hpp"
#include "messages/codec/json_text.hpp"

#include <gtest/gtest.h>
#include <algorithm>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace troupe {
namespace {

/// Whether `filter` (JSON with ' for ") matches `attributes`.
bool holds(std::string filter, std::string attributes) {
  std::ranges::replace(filter, '\'', '"');
  std::ranges::replace(attributes, '\'', '"');
  EXPECT_TRUE(check_json(filter)) << filter;
  EXPECT_TRUE(check_json(attributes)) << attributes;
  const auto read = filter_of({filter});
  EXPECT_TRUE(read) << filter << ": " << (read ? "" : read.error().message);
  return read && matches(*read, attributes_of({attributes}));
}

void expect_refused(std::string filter, const std::string& param) {
  std::ranges::replace(filter, '\'', '"');
  EXPECT_TRUE(check_json(filter)) << filter;
  const auto read = filter_of({filter});
  ASSERT_FALSE(read) << filter;
  EXPECT_EQ(read.error().code, errc::invalid_argument);
  EXPECT_EQ(read.error().param, param) << filter;
  EXPECT_TRUE(read.error().message.starts_with(param + ": ")) << read.error().message;
}

std::string comparison(const std::string& type, const std::string& value) {
  return "{'type':'" + type + "','key':'k','value':" + value + "}";
}

std::string list_of(std::size_t count, const std::string& each) {
  std::string list = "[";
  for (std::size_t n = 0; n < count; ++n) list.append(n == 0 ? "" : ",").append(each);
  return list += ']';
}

TEST(attribute_filter, equality_is_of_value_and_type) {
  for (const auto& [value, other] :
       {std::pair("'a'", "'b'"), std::pair("1", "2"), std::pair("true", "false")}) {
    const auto is = "{'k':" + std::string(value) + "}";
    EXPECT_TRUE(holds(comparison("eq", value), is));
    EXPECT_FALSE(holds(comparison("eq", other), is));
    EXPECT_FALSE(holds(comparison("ne", value), is));
    EXPECT_TRUE(holds(comparison("ne", other), is));
  }
  EXPECT_TRUE(holds(comparison("eq", "1.0"), "{'k':1}"));
  EXPECT_FALSE(holds(comparison("eq", "'1'"), "{'k':1}"));
  EXPECT_FALSE(holds(comparison("eq", "true"), "{'k':1}"));
  EXPECT_TRUE(holds(comparison("ne", "'1'"), "{'k':1}"));
}

TEST(attribute_filter, numbers_and_strings_are_ordered_among_themselves) {
  const std::vector<std::tuple<const char*, bool, bool, bool>> table{
      // is less, equal, greater than the filter's value
      {"gt", false, false, true},
      {"gte", false, true, true},
      {"lt", true, false, false},
      {"lte", true, true, false}};
  for (const auto& [type, less, equal, greater] : table) {
    EXPECT_EQ(holds(comparison(type, "10"), "{'k':9}"), less) << type;
    EXPECT_EQ(holds(comparison(type, "10"), "{'k':10}"), equal) << type;
    EXPECT_EQ(holds(comparison(type, "10"), "{'k':10.5}"), greater) << type;
    EXPECT_EQ(holds(comparison(type, "'2026-02'"), "{'k':'2026-01'}"), less) << type;
    EXPECT_EQ(holds(comparison(type, "'2026-02'"), "{'k':'2026-02'}"), equal) << type;
    EXPECT_EQ(holds(comparison(type, "'2026-02'"), "{'k':'2026-10'}"), greater) << type;
    EXPECT_FALSE(holds(comparison(type, "10"), "{'k':'9'}")) << type << " of another type";
    EXPECT_FALSE(holds(comparison(type, "'9'"), "{'k':10}")) << type << " of another type";
    EXPECT_FALSE(holds(comparison(type, "10"), "{'k':true}")) << type << " of another type";
  }
}

TEST(attribute_filter, a_list_matches_by_any_of_its_values) {
  EXPECT_TRUE(holds(comparison("in", "['a',2]"), "{'k':2}"));
  EXPECT_TRUE(holds(comparison("in", "['a',2]"), "{'k':'a'}"));
  EXPECT_FALSE(holds(comparison("in", "['a',2]"), "{'k':'2'}"));
  EXPECT_FALSE(holds(comparison("nin", "['a',2]"), "{'k':2}"));
  EXPECT_TRUE(holds(comparison("nin", "['a',2]"), "{'k':3}"));
  EXPECT_FALSE(holds(comparison("in", "[]"), "{'k':1}"));
  EXPECT_TRUE(holds(comparison("nin", "[]"), "{'k':1}"));
}

TEST(attribute_filter, an_absent_key_matches_only_ne_and_nin) {
  for (const char* none : {"{}", "{'other':1}", "{'k':null}", "{'k':[1]}", "{'k':{'k':1}}"}) {
    for (const char* type : {"eq", "gt", "gte", "lt", "lte"})
      EXPECT_FALSE(holds(comparison(type, "1"), none)) << type << none;
    EXPECT_FALSE(holds(comparison("in", "[1]"), none)) << none;
    EXPECT_TRUE(holds(comparison("ne", "1"), none)) << none;
    EXPECT_TRUE(holds(comparison("nin", "[1]"), none)) << none;
  }
}

TEST(attribute_filter, compounds_combine_and_nest) {
  const std::string red = "{'type':'eq','key':'colour','value':'red'}";
  const std::string big = "{'type':'gt','key':'size','value':10}";
  const auto both = "{'type':'and','filters':[" + red + "," + big + "]}";
  const auto either = "{'filters':[" + red + "," + big + "],'type':'or'}";
  EXPECT_TRUE(holds(both, "{'colour':'red','size':11}"));
  EXPECT_FALSE(holds(both, "{'colour':'red','size':9}"));
  EXPECT_TRUE(holds(either, "{'colour':'red','size':9}"));
  EXPECT_TRUE(holds(either, "{'colour':'blue','size':11}"));
  EXPECT_FALSE(holds(either, "{'colour':'blue'}"));
  const auto nested =
      "{'type':'and','filters':[" + either + ",{'type':'ne','key':'size','value':12}]}";
  EXPECT_TRUE(holds(nested, "{'size':11}"));
  EXPECT_FALSE(holds(nested, "{'size':12}"));
}

TEST(attribute_filter, members_come_in_any_order_and_the_last_of_a_name_counts) {
  EXPECT_TRUE(holds("{'value':1,'key':'x','key':'k','type':'eq'}", "{'k':1}"));
  EXPECT_TRUE(holds("{'type':'eq','key':'k','value':1,'filters':null}", "{'k':2,'k':1}"));
  EXPECT_TRUE(holds(R"({'type':'eq','key':'\u006b','value':'\u00e4'})", "{'k':'ä'}"));
}

TEST(attribute_filter, what_is_wrong_is_named_by_its_path) {
  expect_refused("[]", "filters");
  expect_refused("'x'", "filters");
  expect_refused("{}", "filters.type");
  expect_refused("{'type':1}", "filters.type");
  expect_refused("{'type':'like','key':'k','value':1}", "filters.type");
  expect_refused("{'type':'eq','value':1}", "filters.key");
  expect_refused("{'type':'eq','key':1,'value':1}", "filters.key");
  expect_refused("{'type':'eq','key':'','value':1}", "filters.key");
  expect_refused("{'type':'eq','key':'k'}", "filters.value");
  expect_refused("{'type':'eq','key':'k','value':null}", "filters.value");
  expect_refused(comparison("eq", "[1]"), "filters.value");
  expect_refused(comparison("eq", "{}"), "filters.value");
  expect_refused(comparison("eq", "1e999"), "filters.value");
  expect_refused(comparison("lt", "true"), "filters.value");
  expect_refused(comparison("in", "1"), "filters.value");
  expect_refused(comparison("nin", "[1,null]"), "filters.value[1]");
  expect_refused("{'type':'and'}", "filters.filters");
  expect_refused("{'type':'or','filters':{}}", "filters.filters");
  expect_refused("{'type':'or','filters':[]}", "filters.filters");
  expect_refused("{'type':'and','filters':[{'type':'eq','key':'k','value':1},{'type':'is'}]}",
                 "filters.filters[1].type");
  expect_refused("{'type':'or','filters':[{'type':'and','filters':[1]}]}",
                 "filters.filters[0].filters[0]");
}

TEST(attribute_filter, a_condition_that_is_not_understood_is_refused_not_dropped) {
  expect_refused("{'type':'eq','key':'k','value':1,'negate':true}", "filters");
  expect_refused("{'type':'eq','key':'k','value':1,'filters':[]}", "filters.filters");
  expect_refused("{'type':'and','filters':[" + comparison("eq", "1") + "],'key':'k'}",
                 "filters.key");
  expect_refused("{'type':'and','filters':[" + comparison("eq", "1") + "],'value':1}",
                 "filters.value");
}

TEST(attribute_filter, depth_number_and_sizes_are_bounded) {
  auto deep = comparison("eq", "1");
  for (std::size_t n = 1; n < limits::filter_depth; ++n)
    deep = "{'type':'and','filters':[" + deep + "]}";
  EXPECT_TRUE(holds(deep, "{'k':1}"));
  std::string path = "filters";
  for (std::size_t n = 0; n < limits::filter_depth; ++n) path += ".filters[0]";
  expect_refused("{'type':'and','filters':[" + deep + "]}", path);

  const auto wide = [](std::size_t parts) {
    return "{'type':'or','filters':" + list_of(parts, comparison("eq", "1")) + "}";
  };
  EXPECT_TRUE(holds(wide(limits::filter_nodes - 1), "{'k':1}"));
  expect_refused(wide(limits::filter_nodes), "filters");

  EXPECT_TRUE(holds(comparison("in", list_of(limits::filter_values, "1")), "{'k':1}"));
  expect_refused(comparison("in", list_of(limits::filter_values + 1, "1")), "filters");

  const auto long_key = [](std::size_t length) {
    return "{'type':'ne','key':'" + std::string(length, 'k') + "','value':1}";
  };
  EXPECT_TRUE(holds(long_key(64), "{}"));
  expect_refused(long_key(65), "filters.key");
  EXPECT_TRUE(holds(comparison("ne", "'" + std::string(512, 'v') + "'"), "{}"));
  expect_refused(comparison("eq", "'" + std::string(513, 'v') + "'"), "filters.value");
}

} // namespace
} // namespace troupe
