// Tables of a saved model.
#pragma once

#include <string>

#include "command.h"
#include "steelyard/status.h"

namespace steelyard::checkpoint {
class ModelReader;
}  // namespace steelyard::checkpoint

namespace steelyard::cli {

/// The option --model DIR of commands that read a cluster's tables or a model's.
Option ModelOption();
/// The option --model of commands that change tables, which a saved model's are not: not shown, and refused when typed.
Option RefusedModelOption();

/// True when the command is about the tables of --model. Errors: kInvalidArgument  --cluster was given, too.
Result<bool> IsAboutModel(const Values& values);
/// Refuse --model. @param why  what one might rather do.
Status RefuseModel(const Values& values, const char* why);

/// The table that NAME means: a model's only one needs no name. Errors: kNotFound  the model has no such table.
Result<std::string> TableNamed(const Values& values, const checkpoint::ModelReader& reader);

/// `table ls --model`. Errors: those of ModelReader::Open(); kIoError.
Status ListModelTables(const Values& values);
/// `table describe [NAME] --model`. Errors: as above; those of TableNamed().
Status DescribeModelTable(const Values& values);

}  // namespace steelyard::cli
