/* The commands of `ringfence`: one function each, given argv from the command's name on. They
 * return the exit status.
 */
#ifndef TOOLS_RINGFENCE_COMMANDS_H
#define TOOLS_RINGFENCE_COMMANDS_H

int cmd_check(int argc, char **argv);
int cmd_test(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_calls(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_sip(int argc, char **argv);
int cmd_gen(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_suggest(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_score(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_control(int argc, char **argv);
int cmd_fmt(int argc, char **argv);
int cmd_docs(int argc, char **argv);
int cmd_schema(int argc, char **argv);

#endif
