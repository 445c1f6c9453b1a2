#include <array>

#include "cli/verb.h"

namespace warifu {

std::unique_ptr<Verb> make_ingest_verb();
std::unique_ptr<Verb> make_train_verb();
std::unique_ptr<Verb> make_index_verb();
std::unique_ptr<Verb> make_update_verb();
std::unique_ptr<Verb> make_search_verb();
std::unique_ptr<Verb> make_explain_verb();
std::unique_ptr<Verb> make_serve_verb();
std::unique_ptr<Verb> make_evaluate_verb();
std::unique_ptr<Verb> make_calibrate_verb();
std::unique_ptr<Verb> make_feedback_verb();
std::unique_ptr<Verb> make_status_verb();
std::unique_ptr<Verb> make_export_verb();
std::unique_ptr<Verb> make_import_verb();
std::unique_ptr<Verb> make_doctor_verb();
std::unique_ptr<Verb> make_bench_verb();
std::unique_ptr<Verb> make_users_verb();
std::unique_ptr<Verb> make_keys_verb();
std::unique_ptr<Verb> make_audit_verb();

namespace {

constexpr std::array kVerbs = {
    VerbEntry{"ingest", "data", "Put pictures and texts into the workspace; broken items are listed, never fatal.",
              "warifu ingest photos/\n"
              "  warifu ingest pairs.csv --label-columns articleType,baseColour --splits splits/",
              make_ingest_verb},
    VerbEntry{"status", "data", "Say what the workspace holds: items, splits, rejected items, code spaces.",
              "warifu status\n"
              "  warifu status --output json",
              make_status_verb},
    VerbEntry{"train", "models", "Learn a code space from the workspace's train split.",
              "warifu train --method contrastive\n"
              "  warifu train --method cca-itq --bits 16,32,64 --image-encoder mobilenet_v2 --image-weights "
              "mobilenet_v2.safetensors",
              make_train_verb},
    VerbEntry{"index", "models", "Encode every item that is not yet encoded into a code space.",
              "warifu index --space contrastive\n"
              "  warifu index --space cca-itq",
              make_index_verb},
    VerbEntry{"update", "models",
              "Teach a code space new categories from new items alone; codes it has stay as they are.",
              "warifu update --new-labels Umbrellas,Ties\n"
              "  warifu update --space dlch --items new.csv --label-columns articleType --output json",
              make_update_verb},
    VerbEntry{"search", "search", "Find items by words, by a picture, by both, or by another item.",
              "warifu search --text \"red shirt\"\n"
              "  warifu search --image photo.jpg --text \"in blue\" -k 20 --output paths",
              make_search_verb},
    VerbEntry{"explain", "search", "Say why an item matches: which patches and words hold which bits.",
              "warifu explain part-0815 --text \"rusty bolt\"\n"
              "  warifu explain part-0815 --image broken.jpg --overlay why.png",
              make_explain_verb},
    VerbEntry{"serve", "search", "Answer searches, take changes and show items over HTTP.",
              "warifu serve\n"
              "  warifu serve --bind 0.0.0.0 --port 8443 --tls-certificate chain.pem --tls-key key.pem",
              make_serve_verb},
    VerbEntry{"evaluate", "measurement",
              "Measure a code space on the query and database splits; ties are averaged over.",
              "warifu evaluate --space contrastive --relevance any:articleType\n"
              "  warifu evaluate --bits 64 --database text --output json --run-folder runs/",
              make_evaluate_verb},
    VerbEntry{"calibrate", "measurement",
              "Learn on held-out pairs how sure a hit is and what keywords count beside codes.",
              "warifu calibrate --space contrastive --relevance any:articleType\n"
              "  warifu calibrate --output json",
              make_calibrate_verb},
    VerbEntry{"feedback", "measurement",
              "Show what people said of answers, right or wrong, and write it as relevance judgements.",
              "warifu feedback\n"
              "  warifu feedback --output qrels --queries judged.jsonl > judged.qrels",
              make_feedback_verb},
    VerbEntry{"export", "data", "Write codes for other programs, as NPY or FAISS, with the item ids beside them.",
              "warifu export --space contrastive --bits 64 --modality image --to codes/\n"
              "  warifu export --space cca-itq --format faiss --to codes/",
              make_export_verb},
    VerbEntry{"import", "data", "Give items the codes of a file, as 'export' writes them, instead of encoding them.",
              "warifu import --space contrastive --bits 64 --modality image --codes codes/contrastive-image-64.npy "
              "--ids codes/contrastive-image-64.ids.txt\n"
              "  warifu import --space cca-itq --codes codes.index --ids ids.txt",
              make_import_verb},
    VerbEntry{"doctor", "data",
              "Check every file of the workspace, and repair codes from what is left; status 65 while something is "
              "damaged.",
              "warifu doctor\n"
              "  warifu doctor --repair --output json",
              make_doctor_verb},
    VerbEntry{"bench", "measurement", "Measure search on this machine against what the machine can do at best.",
              "warifu bench hamming\n"
              "  warifu bench hamming --items 10000000 --bits 128 --data clustered --output json",
              make_bench_verb},
    VerbEntry{"users", "rights", "Say who may use a server of this workspace, and which groups' items each one sees.",
              "warifu users add ann --groups sales,design\n"
              "  warifu users list",
              make_users_verb},
    VerbEntry{"keys", "rights", "Make and revoke the keys by which users and programs are known to a server.",
              "warifu keys create --user ann --scopes search,read --expires 90d --note \"ann's notebook\"\n"
              "  warifu keys revoke k3x9m2pq",
              make_keys_verb},
    VerbEntry{"audit", "rights",
              "Show who did what, and check that nobody changed that record; status 65 where somebody did.",
              "warifu audit verify\n"
              "  warifu audit show --last 100 --output jsonl",
              make_audit_verb},
};

}  // namespace

std::span<const VerbEntry> verbs() { return kVerbs; }

}  // namespace warifu
